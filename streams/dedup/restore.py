"""A partition's dedup state, read back from the tables: what has been applied is known again, whoever applied it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.arrays import U32, U64
from schemas.arrow import address_rows, coded, numbers
from schemas.failpoints import reach
from schemas.protocols import PROTOCOL_NUMBERS
from schemas.records.flow_batch import ROLE_NAMES, Loss
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
    for row in _rows(batches):
        place = (row["node_id"], row["epoch"], row["window_start"])
        state.restore_batch(*place, row["batch_index"], row["batch_count"], row["window_seconds"])


def _restore_losses(state: DedupState, losses: pa.Table) -> None:
    for row in _rows(losses):
        loss = Loss(row["window_start"], row["stage"], row["reason"], row["flows"], row["packets"], row["bytes"], row["id"])
        state.restore_loss(row["node_id"], row["epoch"], loss)


def _restore_flows(state: DedupState, flows: pa.Table) -> None:
    if not flows.num_rows:
        return
    hashes = _hashes(flows)
    nodes, node_names = _named(flows, "node_id")
    epoch = flows.column("epoch").to_numpy()
    start_us = numbers(flows.column("window_start"))
    for rows in _groups(nodes.astype(np.int64), epoch, start_us):
        first = rows[0]
        state.restore_flows(node_names[nodes[first]], int(epoch[first]), int(start_us[first]), hashes[rows])


def _hashes(flows: pa.Table) -> U64:
    workload, workloads = _named(flows, "local_workload")
    network, networks = _named(flows, "network")
    protocol, protocols = _named(flows, "protocol")
    role, roles = _named(flows, "role")
    return named_flow_hashes(
        address_rows(flows.column("local_ip")),
        address_rows(flows.column("remote_ip")),
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


def _named(table: pa.Table, name: str) -> tuple[U32, list[str]]:
    texts, codes = coded(table.column(name))
    return codes.astype(np.uint32), texts


def _rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    """Rows with `window_start` in microseconds."""
    for row, start_us in zip(table.to_pylist(), numbers(table.column("window_start")).tolist(), strict=True):
        yield {**row, "window_start": start_us}
