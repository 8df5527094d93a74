"""Whole nanos of a currency as text."""

from __future__ import annotations

from streams.insights.cost.prices import NANO


def decimal_text(nano: int) -> str:
    """Every digit that is there, two of them behind the point at least: 12.30, 0.000000001."""
    whole, rest = divmod(abs(nano), NANO)
    digits = f"{rest:09}".rstrip("0")
    return f"{'-' if nano < 0 else ''}{whole}.{digits:0<2}"


def short_text(nano: int) -> str:
    """Two digits behind the point, a half up, for people; what is less than one of them is <0.01."""
    if 0 < nano < NANO // 200:
        return "<0.01"
    cents = (nano + NANO // 200) // (NANO // 100)
    return f"{cents // 100:,}.{cents % 100:02}"
