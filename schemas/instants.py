"""Instants between RFC 3339 text and integer microseconds since the epoch, UTC.

Any offset is read; UTC is written. Digits beyond the sixth decimal are cut off. A leap second is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import numpy as np

from schemas.arrays import I64, U8
from schemas.errors import Unreadable

FOREVER_US = 2**62
"""Beyond any instant that is meant; still an int64 with a window or a hold added."""
NEVER_US = -FOREVER_US
"""Before any."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_PATTERN = np.frombuffer(b"0000-00-00T00:00:00.000000", np.uint8)


@lru_cache(65_536)
def parse_instant(text: str) -> int:
    """Microseconds since the epoch. Raises Unreadable."""
    parts = _RFC3339.fullmatch(text)
    if parts:
        day, time, decimals, zone = parts.groups()
        try:
            moment = datetime.fromisoformat(f"{day}T{time}.{(decimals or '')[:6]:0<6}{zone.upper()}")
            return (moment - _EPOCH) // _MICROSECOND
        except (ValueError, OverflowError):
            pass  # no such day, hour or offset
    raise Unreadable(f"{ascii(text[:60])} is no RFC 3339 instant; write it like 2026-01-01T00:00:00.000001Z.")


def parse_instants(texts: Sequence[str]) -> I64:
    """n instants of n texts. Raises Unreadable for the first that is none."""
    plain = _parse_plain(texts)
    return plain if plain is not None else np.fromiter(map(parse_instant, texts), np.int64, len(texts))


def format_instant(instant_us: int) -> str:
    """UTC with a Z, decimals only where there are any."""
    moment = _EPOCH + timedelta(microseconds=instant_us)
    return moment.replace(tzinfo=None).isoformat() + "Z"


def _parse_plain(texts: Sequence[str]) -> I64 | None:
    """Texts that are all like 2026-01-01T00:00:00Z, with the same number of decimals (up to six), at once; None otherwise."""
    length = len(texts[0]) if texts else 0
    if length not in (20, 22, 23, 24, 25, 26, 27) or set(map(len, texts)) != {length}:
        return None
    together = "".join(texts)
    if not together.isascii():
        return None
    letters = np.frombuffer(together.encode(), np.uint8).reshape(-1, length)
    if not _all_like(letters[:, :-1], _PATTERN[: length - 1]) or (letters[:, -1] != ord("Z")).any():
        return None
    numbers = np.ascontiguousarray(letters[:, :-1]).view(f"S{length - 1}").ravel()
    try:
        instants: I64 = numbers.astype("datetime64[us]").view(np.int64)
    except ValueError:  # a month or an hour that does not exist: parse_instant says which
        return None
    return instants if (instants >= 0).all() else None  # numpy knows a year 0


def _all_like(letters: U8, pattern: U8) -> bool:
    digits = pattern == ord("0")
    return bool(((letters[:, digits] - ord("0")) < 10).all() and (letters[:, ~digits] == pattern[~digits]).all())
