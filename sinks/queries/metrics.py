"""Metrics of an answer: what is summed for each, and how it follows from the sums."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.records.histogram import quantile_us
from sinks.queries.sources import HISTOGRAMS, MAXIMA, SUMS


@dataclass(frozen=True)
class Metric:
    """`of`: the base sums it follows from. `sql`: over those sums, for order and filter; empty: it follows in Python alone."""

    name: str
    of: tuple[str, ...]
    sql: str
    level: float = 0.0

    def sql_of(self, prefix: str) -> str:
        """The same over sums that are called so with the prefix."""
        return re.sub(rf"\b({'|'.join(self.of)})\b", rf"{prefix}\1", self.sql)


def _both(name: str) -> Metric:
    parts = (f"{name}_sent", f"{name}_received")
    return Metric(name, parts, " + ".join(parts))


def _quantiles(name: str) -> tuple[Metric, ...]:
    return tuple(Metric(f"{name}_us_p{percent}", (f"{name}_histogram",), "", percent / 100) for percent in (50, 95, 99))


UNNAMED = "unnamed_bytes"
METRICS = {
    metric.name: metric
    for metric in (
        Metric("flows", ("flows",), "flows"),
        _both("bytes"),
        _both("packets"),
        *(Metric(name, (name,), name) for name in (*SUMS, *MAXIMA, *HISTOGRAMS) if name not in ("flows", *HISTOGRAMS)),
        Metric("rtt_us", ("rtt_us_sum", "rtt_count"), "if(rtt_count = 0, NULL, rtt_us_sum / rtt_count)"),
        *_quantiles("rtt"),
        *_quantiles("connect"),
        *(Metric(name, (name,), "") for name in HISTOGRAMS),
    )
}
DEFAULT = (
    "flows", "bytes", "bytes_sent", "bytes_received", "packets_sent", "packets_received",
    "connections_opened", "connections_failed", "connections_refused", "connections_timed_out", "connections_reset",
    "retransmits", "rtt_us", "rtt_us_max",
)  # fmt: skip


def base_sums(metrics: Iterable[str]) -> tuple[str, ...]:
    """What is to be summed for these metrics, each once, in a fixed order."""
    wanted = {name for metric in metrics for name in METRICS[metric].of}
    return tuple(name for name in (*SUMS, *MAXIMA, *HISTOGRAMS) if name in wanted)


def combine(name: str, prefix: str = "") -> str:
    """SQL that adds up a base sum over rows, where it is called so with the prefix."""
    column = f"{prefix}{name}"
    if name in MAXIMA:
        return f"max({column})"
    return f"sumForEach({column})" if name in HISTOGRAMS else f"sum({column})"


def zero(name: str) -> str:
    """SQL of a base sum over no row."""
    return "CAST([], 'Array(UInt64)')" if name in HISTOGRAMS else "toUInt64(0)"


def derive(sums: pa.Table, metrics: Sequence[str]) -> Mapping[str, pa.ChunkedArray]:
    """The metrics of each row, from its base sums."""
    return {name: _derived(METRICS[name], sums) for name in metrics}


def _derived(metric: Metric, sums: pa.Table) -> pa.ChunkedArray:
    columns = [sums.column(name) for name in metric.of]
    if metric.level:
        found = [None if not samples or not sum(samples) else quantile_us(samples, metric.level) for samples in columns[0].to_pylist()]
        return pa.chunked_array([pa.array(found, pa.float64())])
    if metric.name == "rtt_us":
        total, count = (np.asarray(column.to_numpy(), np.float64) for column in columns)
        with np.errstate(invalid="ignore", divide="ignore"):
            return pa.chunked_array([pa.array(total / count, pa.float64(), mask=count == 0)])
    return columns[0] if len(columns) == 1 else pc.add(columns[0], columns[1])
