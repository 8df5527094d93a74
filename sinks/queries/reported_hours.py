"""How much of each hour nodes told of, and how much of it was lost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sinks.queries.edges import Ask
from sinks.queries.hourly import HOUR_S
from sinks.queries.sources import within
from sinks.queries.spans import Span

Floats = NDArray[np.float64]
_HOUR = f"toUInt32(intDiv(toUnixTimestamp(window_start), {HOUR_S}))"


@dataclass(frozen=True)
class ReportedHours:
    """By hour of the span. `told_s`: seconds that nodes told of, summed over the nodes; `expected_s`: the same if none had been silent
    between its first and its last hour. `lost`: the share of the bytes, or of the packets, whichever is more, that was not counted.
    `counted`: whether anything was.
    """

    told_s: Floats
    expected_s: Floats
    lost: Floats
    counted: NDArray[np.bool_]


def ask_reported_hours(ask: Ask, span: Span) -> ReportedHours:
    """`span`: whole hours. One statement: windows, losses and sums of the same state."""
    found = ask(_statement(span))
    hours = span.seconds // HOUR_S
    at = np.asarray(found.column("hour").to_numpy(), np.intp) - span.start_s // HOUR_S

    def by_hour(name: str) -> Floats:
        return np.bincount(at, np.asarray(found.column(name).to_numpy(), np.float64), hours).astype(np.float64)

    active = np.cumsum(by_hour("began")) - np.concatenate([[0], np.cumsum(by_hour("ended"))[:-1]])
    lost = np.maximum(*(_share(by_hour(f"lost_{name}"), by_hour(name)) for name in ("bytes", "packets")))
    counted = by_hour("packets") > 0
    return ReportedHours(by_hour("told"), active * HOUR_S - by_hour("excused"), lost, counted)


def _share(lost: Floats, counted: Floats) -> Floats:
    return np.divide(lost, lost + counted, out=np.zeros(len(lost)), where=lost > 0)


def _statement(span: Span) -> str:
    """A node's first and last hour are what it told of them: it came and went within."""
    node = (
        f"SELECT node_id, {_HOUR} AS hour, toInt64(least({HOUR_S}, sum(window_seconds))) AS seconds "  # noqa: S608 numbers only
        f"FROM weir.batches WHERE {within(span)} AND batch_index = 0 GROUP BY node_id, hour"
    )
    lived = f"SELECT *, min(hour) OVER (PARTITION BY node_id) AS first, max(hour) OVER (PARTITION BY node_id) AS last FROM ({node})"  # noqa: S608
    nothing = "toUInt64(0)"
    windows = (
        f"SELECT hour, toUInt64(sum(seconds)) AS told, countIf(hour = first) AS began, countIf(hour = last) AS ended, "  # noqa: S608
        f"toUInt64(sumIf({HOUR_S} - seconds, hour = first OR hour = last)) AS excused, "
        f"{nothing} AS bytes, {nothing} AS packets, {nothing} AS lost_bytes, {nothing} AS lost_packets FROM ({lived}) GROUP BY hour"
    )
    none = ", ".join([nothing] * 4)
    counted = (
        f"SELECT {_HOUR} AS hour, {none}, sum(bytes_sent) + sum(bytes_received), sum(packets_sent) + sum(packets_received), "  # noqa: S608
        f"{nothing}, {nothing} FROM weir.edges_1h WHERE {within(span)} GROUP BY hour"
    )
    lost = (
        f"SELECT {_HOUR} AS hour, {none}, {nothing}, {nothing}, toUInt64(sum(bytes)), toUInt64(sum(packets)) "  # noqa: S608
        f"FROM weir.losses WHERE {within(span)} GROUP BY hour"
    )
    return f"{windows} UNION ALL {counted} UNION ALL {lost}"
