"""Forecasts as tables for people and as lines of JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from sinks.queries.hourly import HOUR_S
from sinks.queries.spans import Plan
from streams.insights.forecast.crossing import DAYS, Crossing
from weir.answers.forecast import Forecast, Reached
from weir.output.stdout import write_lines
from weir.output.sums import instant
from weir.output.tables import show_table

OTHERS = "(all others)"


def show_groups(found: Forecast) -> None:
    """A row a group: what it had in as many hours as are told ahead, what it will have, and its highest hour. Prints to stdout."""
    names = [name for name in found.groups.column_names if name != "other"]
    shown = [*names, "last", "next", "highest_hour", "at_most_95", "trend_per_week", "model", "mase"]
    shown += ["days_10_50_90"] if found.crossings else []
    rows = [[*_names(found, names, at), *_told(found, at), *_days_of(found, at), _notes(found, at)] for at in range(found.groups.num_rows)]
    show_table([*shown, "note"], rows, [name not in (*names, "model", "note") for name in [*shown, "note"]])


def write_groups(found: Forecast, from_s: int) -> None:
    """An object a group, with its hours."""
    write_lines(orjson.dumps(one).decode() for one in _objects(found, from_s))


def show_limits(found: Sequence[Reached]) -> None:
    """`now`: of the limit. Prints to stdout."""
    names = ("name", "limit", "now", "days_10_50_90", "note")
    rows = [[one.limit.name, one.limit.text, _share(one), _days(one.crossing), one.crossing.refused] for one in found]
    show_table(names, rows, (False, False, True, True, False))


def write_limits(found: Sequence[Reached]) -> None:
    """`now` and `amount`: of the metric, in a day where the statistic is its sum, else in an hour."""
    write_lines(orjson.dumps(_limit(one)).decode() for one in found)


def said_of(plan: Plan, gaps: int) -> str:
    """From what it was learnt, up to when, and what of it is not known."""
    said = [
        f"Learnt from {instant(plan.span.start_s)} to {instant(plan.span.end_s)}, complete, from {', '.join(plan.tables)}.",
        *plan.warnings,
    ]
    if gaps:
        said.append(f"{gaps} hours of it are not known, as agents were silent or too much was lost: they are left out.")
    return " ".join(said)


def _names(found: Forecast, names: Sequence[str], group: int) -> list[str]:
    if found.groups.column("other")[group].as_py():
        return [OTHERS, *[""] * (len(names) - 1)][: len(names)]
    return ["" if value is None else str(value) for value in (found.groups.column(name)[group].as_py() for name in names)]


def _told(found: Forecast, group: int) -> list[str]:
    outlook, horizon_h = found.outlook, found.outlook.told.shape[1]
    last = found.history[group, -horizon_h:]
    had = float(np.nanmean(last)) * horizon_h if not np.isnan(last).all() else None
    if outlook.refused[group]:
        return [_number(had), "", "", "", "", "", ""]
    told, most = outlook.told[group], outlook.high[1][group]
    growth, mase = float(outlook.growth[group]), float(outlook.mase[group])
    return [
        _number(had),
        _number(float(told.sum())),
        _number(float(told.max())),
        _number(float(most.max())),
        "" if np.isnan(growth) else f"{growth:+.1%}",
        outlook.way[group],
        "" if np.isnan(mase) else f"{mase:.2f}",
    ]


def _days_of(found: Forecast, group: int) -> list[str]:
    return [_days(found.crossings[group])] if found.crossings else []


def _notes(found: Forecast, group: int) -> str:
    why = found.crossings[group].refused if found.crossings else ""
    return " ".join(dict.fromkeys(filter(None, (found.note(group), why))))


def _days(found: Crossing) -> str:
    return "" if found.refused else " ".join(f">{DAYS}" if one is None else f"{one:.0f}" for one in found.days)


def _share(found: Reached) -> str:
    return "" if found.now is None else f"{found.now / found.limit.amount:.1%}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


def _objects(found: Forecast, from_s: int) -> Iterator[dict[str, Any]]:
    skipped = min(max(0, from_s - found.start_s) // HOUR_S, found.history.shape[1])
    for at, names in enumerate(found.groups.to_pylist()):
        outlook = found.outlook
        told = {
            "value": outlook.told,
            "low80": outlook.low[0],
            "high80": outlook.high[0],
            "low95": outlook.low[1],
            "high95": outlook.high[1],
        }
        days = found.crossings[at] if found.crossings else None
        yield {
            **names,
            "model": outlook.way[at] or None,
            "season_h": int(outlook.season_h[at]),
            "mase": _finite(outlook.mase[at : at + 1])[0],
            "naive": bool(outlook.naive[at]),
            "trend_per_week": _finite(outlook.growth[at : at + 1])[0],
            "refused": outlook.refused[at] or None,
            **(dict(zip(("days10", "days50", "days90"), days.days, strict=True)) if days else {}),
            **({"days_refused": days.refused or None} if days else {}),
            "history": {"from": instant(found.start_s + HOUR_S * skipped), "value": _finite(found.history[at, skipped:])},
            "forecast": None if outlook.refused[at] else {"from": instant(found.end_s), **{k: _finite(v[at]) for k, v in told.items()}},
        }


def _limit(one: Reached) -> dict[str, Any]:
    limit = one.limit
    days = dict(zip(("days10", "days50", "days90"), one.crossing.days, strict=True))
    named = {"name": limit.name, "limit": limit.text, "metric": limit.metric, "statistic": limit.statistic, "amount": limit.amount}
    return {**named, "now": one.now, **days, "refused": one.crossing.refused or None}


def _finite(values: NDArray[np.float64]) -> list[float | None]:
    return [None if np.isnan(value) else round(value, 3) for value in values.tolist()]
