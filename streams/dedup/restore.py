"""A partition's dedup state, read back from the tables: what has been applied is known again, whoever applied it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.failpoints import reach
from schemas.protocols import PROTOCOL_NUMBERS
from schemas.records.flow_batch import ROLE_NAMES, U8, U32, U64, Loss
from schemas.records.tables import BlockIdentity
from sinks.base import Sink
from sinks.exactly_once.recomputations import Edition
from streams.columns.hashing import named_flow_hashes
from streams.dedup.state import DedupState


class Restorer:
    """`max_entries`: remembered flow keys of one partition."""

    def __init__(self, sink: Sink, *, horizon_us: int, max_entries: int) -> None:
        self._sink = sink
        self._horizon_us = horizon_us
        self._max_entries = max_entries

    def edition(self, topic: str, topic_id: str, partition: int) -> Edition:
        """To be asked before anything else of the partition. Raises Unavailable, also while rows are being taken out of the tables."""
        return self._sink.edition(topic, topic_id, partition)

    def restore(self, topic: str, partition: int, pending: BlockIdentity | None) -> DedupState:
        """Everything the tables hold of the partition but the pending block, which is going to be built again. Raises Unavailable."""
        state = DedupState(horizon_us=self._horizon_us, max_entries=self._max_entries)
        reach("restore.begun")
        _restore_batches(state, self._sink.applied_batches(topic, partition, pending, self._horizon_us))
        reach("restore.read")
        _restore_flows(state, self._sink.applied_flows(topic, partition, pending, self._horizon_us))
        _restore_losses(state, self._sink.applied_losses(topic, partition, pending, self._horizon_us))
        reach("restore.ended")
        return state


def _restore_batches(state: DedupState, batches: pa.Table) -> None:
    for row in batches.to_pylist():
        place = (row["node_id"], row["epoch"], _micros(row["window_start"]))
        state.restore_batch(*place, row["batch_index"], row["batch_count"], row["window_seconds"])


def _restore_losses(state: DedupState, losses: pa.Table) -> None:
    for row in losses.to_pylist():
        loss = Loss(_micros(row["window_start"]), row["stage"], row["reason"], row["flows"], row["packets"], row["bytes"], row["id"])
        state.restore_loss(row["node_id"], row["epoch"], loss)


def _restore_flows(state: DedupState, flows: pa.Table) -> None:
    if not flows.num_rows:
        return
    hashes = _hashes(flows)
    nodes, node_names = _coded(flows, "node_id")
    epoch = flows.column("epoch").to_numpy()
    start_us = flows.column("window_start").cast(pa.int64()).to_numpy()
    for rows in _groups(nodes.astype(np.int64), epoch, start_us):
        first = rows[0]
        state.restore_flows(node_names[nodes[first]], int(epoch[first]), int(start_us[first]), hashes[rows])


def _hashes(flows: pa.Table) -> U64:
    workload, workloads = _coded(flows, "local_workload")
    network, networks = _coded(flows, "network")
    protocol, protocols = _coded(flows, "protocol")
    role, roles = _coded(flows, "role")
    return named_flow_hashes(
        _addresses(flows, "local_ip"),
        _addresses(flows, "remote_ip"),
        flows.column("service_port").to_numpy().astype(np.uint16),
        np.array([PROTOCOL_NUMBERS[name] for name in protocols], np.uint8)[protocol],
        np.array([ROLE_NAMES.index(name) for name in roles], np.uint8)[role],
        workload,
        workloads,
        network,
        networks,
    )


def _groups(*columns: NDArray[Any]) -> Iterator[NDArray[np.int64]]:
    """Row numbers of each distinct combination."""
    order = np.lexsort(columns[::-1])
    changed = np.zeros(len(order), np.bool_)
    for column in columns:
        ordered = column[order]
        changed[1:] |= ordered[1:] != ordered[:-1]
    return iter(np.split(order, np.flatnonzero(changed)))


def _coded(table: pa.Table, name: str) -> tuple[U32, list[str]]:
    column = table.column(name).unify_dictionaries().combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0)
    return column.indices.to_numpy().astype(np.uint32), column.dictionary.to_pylist()


def _addresses(table: pa.Table, name: str) -> U8:
    column = table.column(name).combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0)
    return np.frombuffer(column.buffers()[1], np.uint8).reshape(-1, 16)[column.offset : column.offset + len(column)]


def _micros(instant: Any) -> int:
    return int(instant.value // 1_000) if hasattr(instant, "value") else round(instant.timestamp() * 1_000_000)
