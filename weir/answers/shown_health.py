"""Findings of `weir health` as columns."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from streams.insights.health.ranking import Ill

_INSTANT = pa.timestamp("s", tz="UTC")
_TYPES = {
    "client": pa.string(), "server": pa.string(), "protocol": pa.string(), "service_port": pa.uint16(), "signal": pa.string(),
    "severity": pa.string(), "now": pa.float64(), "usual": pa.float64(), "low": pa.float64(), "high": pa.float64(), "bad": pa.int64(),
    "tried": pa.int64(), "excess": pa.float64(), "clients": pa.int64(), "servers": pa.int64(), "fault": pa.string(),
    "network": pa.string(), "refused": pa.int64(), "timed_out": pa.int64(), "sentence": pa.string(),
}  # fmt: skip


def table_of(ills: Sequence[Ill]) -> pa.Table:
    """A row a finding, with its rank from 1. `until` is null while it goes on."""
    columns = {"rank": pa.array(range(1, len(ills) + 1), pa.int64())}
    columns |= {name: pa.array([getattr(ill, name) for ill in ills], kind) for name, kind in _TYPES.items() if name != "sentence"}
    columns |= {name: pa.array([getattr(ill, f"{name}_s") for ill in ills], _INSTANT) for name in ("since", "until")}
    return pa.table({**columns, "sentence": pa.array([ill.sentence for ill in ills], pa.string())})
