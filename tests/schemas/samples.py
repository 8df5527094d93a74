"""Small records with known values, and ways to compare and to spoil them."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.records.flow_batch import FLOW_DTYPES, FlowBatch, FlowColumns, HeartbeatColumns, Loss
from schemas.records.histogram import Histogram, histogram_of_lists

WINDOW_US = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z


def sample_flows(rows: int = 3) -> FlowColumns:
    """Row i of counter number j is 100 j + i; flow i lasts from the window's start + i to 1 s later."""
    columns: dict[str, NDArray[Any]] = {}
    for number, (name, dtype) in enumerate(FLOW_DTYPES.items()):
        shape = (rows, 16) if name.endswith("_ip") else (rows,)
        columns[name] = (np.arange(rows * 16 if len(shape) == 2 else rows) + 100 * number).astype(dtype).reshape(shape)
    return FlowColumns(
        **{
            **columns,
            "role": np.array([1, 2, 0] * rows, np.uint8)[:rows],
            "local_workload": np.zeros(rows, "<u4"),
            "remote_domain": np.arange(rows, dtype="<u4") % 3,
            "first_seen_us": np.arange(rows, dtype="<i8") + WINDOW_US,
            "last_seen_us": np.arange(rows, dtype="<i8") + WINDOW_US + 1_000_000,
        },
        rtt=histogram_of_lists([[0] * 7 + [row, 1] for row in range(rows)]),
        connect=histogram_of_lists([[1] * (row % 2) for row in range(rows)]),
    )


def sample_heartbeats() -> HeartbeatColumns:
    return HeartbeatColumns(
        ip=np.arange(32, dtype=np.uint8).reshape(2, 16),
        workload=np.array([0, 1], "<u4"),
        port=np.array([0, 443], "<u2"),
        protocol=np.array([0, 6], np.uint8),
        start_us=np.array([WINDOW_US, WINDOW_US + 5], "<i8"),
        end_us=np.array([WINDOW_US + 10_000_000, WINDOW_US + 6], "<i8"),
    )


def sample_batch(rows: int = 3) -> FlowBatch:
    return FlowBatch(
        node_id="n1",
        epoch=1,
        seq=7,
        region="eu",
        network="default",
        window_start_us=WINDOW_US,
        window_seconds=10,
        batch_index=0,
        batch_count=1,
        workloads=("checkout", "node/n1"),
        flows=sample_flows(rows),
        heartbeats=sample_heartbeats(),
        losses=(Loss(WINDOW_US, "agent", "map_full", packets=3, bytes=180),),
        zone="eu-1a",
        agent_version="1.2.3",
        domains=("example.org", "api.example.org"),
    )


def with_flows(batch: FlowBatch, **columns: NDArray[Any]) -> FlowBatch:
    return replace(batch, flows=replace(batch.flows, **columns))


def assert_same_columns(one: Any, other: Any) -> None:
    assert type(one) is type(other)
    for field in fields(one):
        left, right = getattr(one, field.name), getattr(other, field.name)
        if isinstance(left, Histogram):
            assert_same_columns(left, right)
            continue
        assert left.dtype == right.dtype, field.name
        np.testing.assert_array_equal(left, right, field.name)


def assert_same_batch(one: FlowBatch, other: FlowBatch) -> None:
    for field in fields(FlowBatch):
        left, right = getattr(one, field.name), getattr(other, field.name)
        if field.name in ("flows", "heartbeats"):
            assert_same_columns(left, right)
        else:
            assert left == right, field.name
