"""What people write of a question, on the command line and in the API: instants, dimensions, metrics, a filter."""

from __future__ import annotations

import re

from schemas.errors import SettingError, Unreadable
from schemas.instants import parse_instant
from schemas.nearest import hint, nearest
from sinks.filter.fields import ALIASES, FIELDS
from sinks.filter.parse import parts
from sinks.filter.tree import FilterError, Node, joined
from sinks.queries.metrics import METRICS
from sinks.queries.spans import Span

DIMENSION_LIMIT = 6
LONGEST_S = 10 * 366 * 86_400
UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_RELATIVE = re.compile(r"now(?:([+-])([0-9]{1,9})([smhdw]))?")
_DISTANCE = re.compile(r"([+-])([0-9]{1,9})([smhdw])")
_UNIX = re.compile(r"[0-9]{1,11}(?:\.[0-9]{1,6})?")
INSTANT_LIMIT_S = 4_294_967_295
"""Where a DateTime of ClickHouse ends."""


class BadParameter(SettingError):
    """`parameter` cannot be used as it was given."""

    def __init__(self, parameter: str, sentence: str) -> None:
        super().__init__(sentence)
        self.parameter = parameter


def read_instant(name: str, text: str, now_s: int) -> int:
    """UTC seconds of RFC 3339, UNIX seconds, or `now` with a distance; fractions are left out. Raises BadParameter."""
    relative = _RELATIVE.fullmatch(text)
    if relative:
        seconds = now_s + (_distance(*relative.groups()) if relative.group(1) else 0)
    elif _UNIX.fullmatch(text):
        seconds = int(float(text))
    else:
        try:
            seconds = parse_instant(text) // 1_000_000
        except Unreadable:
            raise BadParameter(name, f"{name}={text[:60]} is no instant: write 2026-01-31T14:32:00Z, UNIX seconds, or now-6h.") from None
    if not 0 <= seconds <= INSTANT_LIMIT_S:
        raise BadParameter(name, f"{name}={text[:60]} is outside of what the tables can hold: use a time from 1970 to 2106.")
    return seconds


def read_other_time(name: str, text: str, start_s: int, now_s: int) -> int:
    """The start of the span to compare with: as far from `start_s` as -1d says, or an instant. Raises BadParameter."""
    distance = _DISTANCE.fullmatch(text)
    seconds = start_s + _distance(*distance.groups()) if distance else read_instant(name, text, now_s)
    if seconds < 0:
        raise BadParameter(name, f"{name}={text[:60]} is before 1970: use a shorter distance.")
    return seconds


def read_span(start: str, end: str, now_s: int) -> Span:
    """Raises BadParameter."""
    span = Span(read_instant("from", start, now_s), read_instant("to", end, now_s))
    if span.seconds <= 0:
        raise BadParameter("from", f"from={start} is not before to={end}: the span would be empty.")
    if span.seconds > LONGEST_S:
        raise BadParameter("from", f"from={start} is more than ten years before to={end}: use a shorter span.")
    return span


def dimensions(text: str) -> tuple[str, ...]:
    """Names of fields with one value a row, by comma, aliases resolved. Raises BadParameter."""
    names = tuple(ALIASES.get(name, name) for name in listed(text))
    known = [name for name, one in FIELDS.items() if not one.is_metric and not one.ends]
    for name in names:
        check_known("by", name, known)
    if len(set(names)) != len(names) or len(names) > DIMENSION_LIMIT:
        raise BadParameter("by", f"by={text[:100]} has a dimension twice, or more than {DIMENSION_LIMIT}: leave some out.")
    return names


def metrics(text: str, default: tuple[str, ...]) -> tuple[str, ...]:
    """Names by comma, aliases resolved, each once. Raises BadParameter."""
    names = tuple(dict.fromkeys(ALIASES.get(name, name) for name in listed(text))) or default
    for name in names:
        check_known("metrics", name, list(METRICS))
    return names


def order(text: str) -> str:
    """A metric by which groups can be ranked. Raises BadParameter."""
    name = ALIASES.get(text.removeprefix("-"), text.removeprefix("-"))
    check_known("order", name, [known for known, metric in METRICS.items() if metric.sql])
    return name


def read_filter(text: str) -> Node | None:
    """None lets everything through. Raises BadParameter, whose sentence says where the filter is wrong."""
    return joined(filter_parts(text))


def filter_parts(text: str) -> tuple[Node, ...]:
    """What stands side by side in a filter. Raises BadParameter."""
    try:
        return tuple(part.node for part in parts(text))
    except FilterError as error:
        raise BadParameter("q", f"The filter is wrong at character {error.start + 1}: {error}") from None


def listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def check_known(parameter: str, name: str, known: list[str]) -> None:
    """Raises BadParameter, with the nearest known name."""
    if name not in known:
        raise BadParameter(parameter, f"{parameter}={name[:60]} is not known: {hint(nearest(name, known), known)}")


def _distance(sign: str, digits: str, unit: str) -> int:
    return (-1 if sign == "-" else 1) * int(digits) * UNITS_S[unit]
