"""What transfer costs, as columns for JSON and as tables for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sinks.queries.status import Lost
from streams.insights.cost.money import decimal_text, short_text
from streams.insights.cost.savings import Saving
from weir.answers.cost import Cost, Line
from weir.output.stdout import write
from weir.output.sums import instant
from weir.output.tables import printable, show_table


def document(found: Cost, by: Sequence[str]) -> dict[str, Any]:
    """Money is decimal text with every digit; null: no price. Lists are columns."""
    rows: dict[str, list[Any]] = {name: [_value(name, line.names[at]) for line in found.lines] for at, name in enumerate(by)}
    rows |= {
        "class": [line.of_class for line in found.lines],
        "bytes": [_exact(line.bytes) for line in found.lines],
        "cost": _costs(found.lines),
    }
    return {
        "currency": found.prices.currency,
        "prices": {"source": found.prices.source, "as_of": found.prices.as_of},
        "estimate": found.estimate,
        "total": _money(found.total_nano),
        "classes": {
            "class": [line.of_class for line in found.classes],
            "payer": [line.payer for line in found.classes],
            "bytes": [_exact(line.bytes) for line in found.classes],
            "cost": [_money(line.nano) for line in found.classes],
        },
        "rows": rows,
        "other": {"rows": found.other.lines, "bytes": _exact(found.other.bytes), "cost": _money(found.other.nano)},
        "unpriced": {
            "class": [one.of_class for one in found.unpriced],
            "client": [one.client for one in found.unpriced],
            "server": [one.server for one in found.unpriced],
            "bytes": [_exact(one.bytes) for one in found.unpriced],
            "why": [one.why for one in found.unpriced],
        },
        "savings": _savings(found.savings),
    }


def show(found: Cost, by: Sequence[str]) -> None:
    """Prints to stdout."""
    show_table(
        ("class", "paid by", "bytes", "cost"),
        ([line.of_class, line.payer or "-", str(line.bytes), _short(line.nano)] for line in found.classes),
        (False, False, True, True),
    )
    if by and found.lines:
        write("")
        shown = [[*line.names, line.of_class, str(line.bytes), _short(line.nano)] for line in found.lines]
        if found.other.lines:
            shown.append([f"({found.other.lines:,} others)", *[""] * len(by), str(found.other.bytes), _short(found.other.nano)])
        show_table((*by, "class", "bytes", "cost"), shown, (*[False] * (len(by) + 1), True, True))
    if found.unpriced:
        write("\nWithout a price:")
        told = ([one.of_class, one.client or "-", one.server or "-", str(one.bytes), one.why] for one in found.unpriced[:10])
        show_table(("class", "client", "server", "bytes", "why"), told, (False, False, False, True, False))
    for saving in found.savings:
        write(f"\n{saving.kind}, {found.prices.currency} {short_text(saving.monthly_nano)} a month: {printable(saving.sentence)}")
    write(
        f"\n{found.prices.currency} {short_text(found.total_nano)} in all. {found.estimate}"
        if found.total_nano is not None
        else f"\n{found.estimate}"
    )


def said_of(found: Cost, until_s: int, lost: Lost) -> str:
    """From which tables, up to when they are complete, and what is known not to have been counted."""
    span = found.plan.span
    until = instant(min(until_s, span.end_s)) if until_s else "no time: no node has reported"
    said = [f"{instant(span.start_s)} to {instant(span.end_s)}, complete until {until}, from {', '.join(found.plan.tables)}."]
    said += [f"At least {lost.bytes:,} bytes of the span were not counted, and are in no sum."] if lost.bytes else []
    return " ".join([*said, *found.warnings, *([] if found.classes else ["Nothing is there."])])


def _costs(lines: Sequence[Line]) -> list[str | None]:
    return [_money(line.nano) for line in lines]


def _savings(found: Sequence[Saving]) -> dict[str, list[str]]:
    return {
        "kind": [one.kind for one in found],
        "client": [one.client for one in found],
        "server": [one.server for one in found],
        "monthly": [decimal_text(one.monthly_nano) for one in found],
        "sentence": [one.sentence for one in found],
    }


def _money(nano: int | None) -> str | None:
    return None if nano is None else decimal_text(nano)


def _short(nano: int | None) -> str:
    return "no price" if nano is None else short_text(nano)


def _exact(value: int) -> int | str:
    """Integers beyond 2^53 are text, as everywhere in JSON."""
    return value if value <= 2**53 else str(value)


def _value(name: str, text: str) -> str | int:
    return int(text) if name == "service_port" else text
