"""What the demo shows, read from where it is true: edges and losses from the tables, counts from the worker's metrics."""

from __future__ import annotations

import urllib.error
import urllib.request
from dataclasses import dataclass, field, fields, replace
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from schemas.records.histogram import quantile_us
from sinks.base import Sink
from weir.demo import queries
from weir.demo.queries import MICRO

AVERAGED_SECONDS = 10


@dataclass(frozen=True)
class Edge:
    """One service calling another, averaged over the seconds read. Rates are per second, bytes as on the wire."""

    client: str
    server: str
    port: str
    to_server: float
    to_client: float
    opened: float
    failed: float
    rtt_us: float | None
    rtt_p95_us: float | None
    retransmits: float


@dataclass(frozen=True)
class Window:
    """One window over all edges: sums of canonical flows. `start_us` is UTC microseconds."""

    start_us: int
    seconds: int
    edges: int
    bytes: int
    opened: int
    failed: int
    rtt_us: float | None
    retransmits: int


@dataclass(frozen=True)
class Totals:
    """Since the demo began."""

    applied: int = 0
    repeated: int = 0
    unattributed: tuple[tuple[str, int], ...] = ()
    lost_flows: int = 0
    lost_packets: int = 0
    lost_bytes: int = 0


@dataclass(frozen=True)
class Reading:
    edges: tuple[Edge, ...] = ()
    windows: tuple[Window, ...] = ()
    totals: Totals = field(default_factory=Totals)


class Gauge:
    """Reads the tables and the worker's metrics. Each window is handed out once, when two later ones have begun to arrive:
    nodes report a window one after the other, and a line that was printed cannot be corrected."""

    def __init__(self, sink: Sink, metrics_url: str, since_us: int) -> None:
        self._sink = sink
        self._metrics_url = metrics_url
        self._since_us = since_us
        self._next_us = since_us

    def read(self, final: bool = False) -> Reading:
        """The present state; `final` takes the last window for complete. Raises Unavailable or WeirError."""
        newest = self._rows(queries.newest_window(self._since_us))[0]
        if not newest["flows"]:
            return Reading(totals=self._totals())
        start_us, window_us = newest["newest"] * MICRO, newest["seconds"] * MICRO
        windows = self._windows(start_us + 1 if final else start_us - window_us)
        return Reading(self._edges(start_us, window_us), windows, self._totals())

    def overall(self) -> Window | None:
        """All windows since the demo began as if they were one; None without any."""
        whole = _window(self._rows(queries.windows(self._since_us, None, as_one=True))[0])
        return whole if whole.edges else None

    def _windows(self, before_us: int) -> tuple[Window, ...]:
        if before_us <= self._next_us:
            return ()
        windows = tuple(_window(row) for row in self._rows(queries.windows(self._next_us, before_us)))
        if windows:
            self._next_us = windows[-1].start_us + 1
        return windows

    def _edges(self, newest_us: int, window_us: int) -> tuple[Edge, ...]:
        """Averages over the last settled windows; the newest is still arriving, and is shown only while it is alone."""
        span_us = max(AVERAGED_SECONDS * MICRO // window_us, 1) * window_us
        settled = self._rows(queries.windows(max(newest_us - span_us, self._since_us), newest_us))
        if not settled:
            return self._averages(newest_us, newest_us + MICRO, window_us / MICRO)
        return self._averages(settled[0]["start"] * MICRO, newest_us, len(settled) * window_us / MICRO)

    def _averages(self, first_us: int, before_us: int, seconds: float) -> tuple[Edge, ...]:
        return tuple(_edge(row, seconds) for row in self._rows(queries.edges(first_us, before_us)))

    def _totals(self) -> Totals:
        lost = self._rows(queries.losses(self._since_us))[0]
        counted = read_metrics(self._metrics_url)
        return replace(counted, lost_flows=lost["flows"], lost_packets=lost["packets"], lost_bytes=lost["bytes"])

    def _rows(self, sql: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._sink.query(sql).to_pylist()
        return rows


def read_metrics(url: str) -> Totals:
    """The worker's own counts, without losses; zeros as long as it does not answer."""
    try:
        with urllib.request.urlopen(url, timeout=2.0) as answer:  # noqa: S310 a loopback address that we made
            text = answer.read().decode()
    except (urllib.error.URLError, OSError):
        return Totals()
    return parse_metrics(text)


def parse_metrics(text: str) -> Totals:
    """Counts of flows out of Prometheus text."""
    outcomes = {"applied": 0, "repeated": 0}
    reasons: dict[str, int] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "weir_flows_total":
                outcomes[sample.labels["outcome"]] = int(sample.value)
            elif sample.name == "weir_flows_unattributed_total" and sample.value:
                reasons[sample.labels["reason"]] = int(sample.value)
    return Totals(outcomes["applied"], outcomes["repeated"], tuple(sorted(reasons.items(), key=lambda item: -item[1])))


def _window(row: dict[str, Any]) -> Window:
    return Window(row["start"] * MICRO, *(row[item.name] for item in fields(Window)[1:]))


def _edge(row: dict[str, Any], seconds: float) -> Edge:
    rates = {name: row[name] / seconds for name in ("to_server", "to_client", "opened", "failed", "retransmits")}
    p95_us = quantile_us(row["rtt_samples"], 0.95)
    return Edge(row["client"], row["server"], row["port"], rtt_us=row["rtt_us"], rtt_p95_us=p95_us, **rates)
