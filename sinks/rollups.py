"""Rollups: tables of sums by time and workload pair, each fed from the next finer one by a materialized view."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rollup:
    """`start`: SQL function that gives a row's `window_start`. `finer`: the table that feeds this one.

    `counted`: SQL that counts the flows in rows of `finer`.
    """

    name: str
    start: str
    finer: str
    counted: str


ROLLUPS = (
    Rollup("flows_1m", "toStartOfMinute", "flows", "count()"),
    Rollup("flows_5m", "toStartOfFiveMinutes", "flows_1m", "sum(flows)"),
    Rollup("flows_1h", "toStartOfHour", "flows_5m", "sum(flows)"),
)
"""From fine to coarse, as the migrations create them."""
