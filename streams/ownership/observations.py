"""Statements "this workload held this address from start to end", from many batches or ranges, as columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import I64, U8, U16, U32, U64
from schemas.instants import FOREVER_US, NEVER_US
from schemas.records.flow_batch import HEARTBEAT_DTYPES, FlowBatch, HeartbeatColumns, empty_flows, empty_heartbeats
from schemas.records.ownership import AddressRange, Ownership
from streams.columns.hashing import address_words, mix
from streams.columns.strings import StringTable

SOURCES = ("heartbeat", "flow")


@dataclass(frozen=True)
class Observations:
    """m heartbeats. `network`, `workload` and `node` index `names`; `port` 0 means the whole address.

    `seen`: no heartbeat, but a node's flows that a workload had at the address. Enough to know that an agent speaks for the
    address and that the workload was there; not enough to name anybody by it: addresses may be shared.
    """

    names: tuple[str, ...]
    network: U32
    node: U32
    workload: U32
    ip: U8  # (m, 16)
    port: U16
    protocol: U8
    start_us: I64
    end_us: I64
    by_flow: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.port)

    def rows(self, chosen: NDArray[np.bool_]) -> Observations:
        columns = [getattr(self, field.name)[chosen] for field in fields(self)[1:]]
        return Observations(self.names, *columns)

    def telling(self) -> NDArray[np.bool_]:
        """Rows that say something: of a workload, and of some time."""
        says: NDArray[np.bool_] = (self.start_us < np.minimum(self.end_us, FOREVER_US)) & (self.start_us > NEVER_US)
        if "" in self.names:
            says &= self.workload != self.names.index("")
        return says

    def saying(self) -> Observations:
        """Without those that say nothing."""
        says = self.telling()
        return self if says.all() else self.rows(says)


def from_heartbeats(batches: Sequence[FlowBatch], network: str = "default") -> Observations:
    """The heartbeats of the batches; `network` is for batches that name none."""
    names = StringTable()
    speaking = [batch for batch in batches if len(batch.heartbeats)]
    batch_of = np.repeat(np.arange(len(speaking)), [len(batch.heartbeats) for batch in speaking])
    joined = _joined([batch.heartbeats for batch in speaking])
    workload = names.joined_numbers([batch.workloads for batch in speaking], joined.workload, batch_of)
    network_of = names.numbers([batch.network or network for batch in speaking])
    node_of = names.numbers([batch.node_id for batch in speaking])
    return Observations(
        names=tuple(names.texts),
        network=network_of[batch_of],
        node=node_of[batch_of],
        workload=workload,
        ip=joined.ip,
        port=joined.port,
        protocol=joined.protocol,
        start_us=joined.start_us,
        end_us=joined.end_us,
        by_flow=np.zeros(len(joined), np.bool_),
    )


def from_flows(batches: Sequence[FlowBatch], network: str = "default") -> Observations:
    """What the flows of the batches say of their local ends: a workload, an address, first and last packet within the batch."""
    names = StringTable()
    flowing = [batch for batch in batches if len(batch.flows)]
    flows = [batch.flows for batch in flowing] or [empty_flows()]
    batch_of = np.repeat(np.arange(len(flowing)), [len(batch.flows) for batch in flowing])
    ip, workload, first_us, last_us = (
        np.concatenate([getattr(some, name) for some in flows]) for name in ("local_ip", "local_workload", "first_seen_us", "last_seen_us")
    )
    place = batch_of.astype(np.uint64) << np.uint64(32) | workload.astype(np.uint64)
    row, first_us, last_us = _spans(mix((*address_words(ip), place)), first_us, last_us)
    workload = names.joined_numbers([batch.workloads for batch in flowing], workload[row], batch_of[row])
    network_of = names.numbers([batch.network or network for batch in flowing])
    node_of = names.numbers([batch.node_id for batch in flowing])
    return Observations(
        names=tuple(names.texts),
        network=network_of[batch_of[row]],
        node=node_of[batch_of[row]],
        workload=workload,
        ip=ip[row],
        port=np.zeros(len(row), np.uint16),
        protocol=np.zeros(len(row), np.uint8),
        start_us=first_us,
        end_us=last_us + 1,
        by_flow=np.ones(len(row), np.bool_),
    )


def _spans(keys: U64, first_us: I64, last_us: I64) -> tuple[NDArray[np.int64], I64, I64]:
    """For each different key a row, the earliest first and the latest last."""
    if not len(keys):
        return np.zeros(0, np.int64), first_us, last_us
    order = np.argsort(keys)
    begins = np.flatnonzero(np.append(True, keys[order][1:] != keys[order][:-1]))
    return order[begins], np.minimum.reduceat(first_us[order], begins), np.maximum.reduceat(last_us[order], begins)


def concat(one: Observations, other: Observations) -> Observations:
    """The observations of both."""
    names = StringTable((*one.names, *other.names))
    columns = {}
    for field in fields(Observations)[1:]:
        left, right = getattr(one, field.name), getattr(other, field.name)
        if field.name in ("network", "node", "workload"):
            left, right = names.numbers(one.names)[left], names.numbers(other.names)[right]
        columns[field.name] = np.concatenate((left, right))
    return Observations(tuple(names.texts), **columns)


def from_changelog(records: Iterable[Ownership]) -> Observations:
    """What other workers learned from batches. Ranges derived from events are left out: events are exchanged as events."""
    names = StringTable()
    rows: list[tuple[int, int, int, int, int, int, int, bool]] = []
    ips: list[bytes] = []
    for record in records:
        network = names.number(record.network)
        for held in record.ranges:
            if held.source in SOURCES:
                ips.append(record.ip)
                rows.append((network, names.number(held.node_id), names.number(held.workload), *_numbers(held), held.source == SOURCES[1]))
    table = np.array(rows, np.int64).reshape(-1, 8)
    return Observations(
        names=tuple(names.texts),
        network=table[:, 0].astype(np.uint32),
        node=table[:, 1].astype(np.uint32),
        workload=table[:, 2].astype(np.uint32),
        ip=np.frombuffer(b"".join(ips), np.uint8).reshape(-1, 16),
        port=table[:, 3].astype(np.uint16),
        protocol=table[:, 4].astype(np.uint8),
        start_us=table[:, 5].copy(),
        end_us=table[:, 6].copy(),
        by_flow=table[:, 7] > 0,
    )


def _numbers(held: AddressRange) -> tuple[int, int, int, int]:
    return held.port, held.protocol, held.start_us, held.end_us


def _joined(beats: list[HeartbeatColumns]) -> HeartbeatColumns:
    if len(beats) == 1:
        return beats[0]
    if not beats:
        return empty_heartbeats()
    return HeartbeatColumns(*(np.concatenate([getattr(beat, name) for beat in beats]) for name in HEARTBEAT_DTYPES))
