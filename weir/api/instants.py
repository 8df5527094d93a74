"""Instants in parameters: RFC 3339, UNIX seconds, or `now` with a distance."""

from __future__ import annotations

import re

from schemas.errors import Unreadable
from schemas.instants import parse_instant
from weir.api.problems import bad_parameter

UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_RELATIVE = re.compile(r"now(?:([+-])(\d{1,9})([smhdw]))?")
_DISTANCE = re.compile(r"([+-])(\d{1,9})([smhdw])")
_UNIX = re.compile(r"\d{1,11}(?:\.\d{1,6})?")
INSTANT_LIMIT_S = 4_294_967_295
"""Where a DateTime of ClickHouse ends."""


def read_instant(name: str, text: str, now_s: int) -> int:
    """UTC seconds; fractions are left out. Raises Problem."""
    relative = _RELATIVE.fullmatch(text)
    if relative:
        seconds = now_s + (_distance(*relative.groups()) if relative.group(1) else 0)
    elif _UNIX.fullmatch(text):
        seconds = int(float(text))
    else:
        try:
            seconds = parse_instant(text) // 1_000_000
        except Unreadable:
            raise bad_parameter(name, f"{name}={text[:60]} is no instant: write 2026-01-31T14:32:00Z, UNIX seconds, or now-6h.") from None
    if not 0 <= seconds <= INSTANT_LIMIT_S:
        raise bad_parameter(name, f"{name}={text[:60]} is outside of what the tables can hold: use a time from 1970 to 2106.")
    return seconds


def read_other_time(name: str, text: str, start_s: int, now_s: int) -> int:
    """The start of the span to compare with: as far from `start_s` as -1d says, or an instant."""
    distance = _DISTANCE.fullmatch(text)
    seconds = start_s + _distance(*distance.groups()) if distance else read_instant(name, text, now_s)
    if seconds < 0:
        raise bad_parameter(name, f"{name}={text[:60]} is before 1970: use a shorter distance.")
    return seconds


def _distance(sign: str, digits: str, unit: str) -> int:
    return (-1 if sign == "-" else 1) * int(digits) * UNITS_S[unit]
