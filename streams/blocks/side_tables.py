"""The rows of a block besides its flows: losses, the ledger of batches, what heartbeats said."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from schemas.arrays import U8, U64
from schemas.protocols import PROTOCOL_NAMES
from schemas.records.flow_batch import FlowBatch
from schemas.records.tables import BATCHES, FLOWS, LOSSES, OWNERSHIP, RESTS, Block, BlockIdentity
from streams.columns import arrow as to_arrow
from streams.dedup.resting import Rest, Told
from streams.dedup.state import Admission
from streams.ownership.address_index import AddressIndex, key_columns
from streams.ownership.intervals import OwnedIntervals, union
from streams.ownership.observations import Observations, concat, from_heartbeats


def losses_table(
    identity: BlockIdentity, offsets: Sequence[int], batches: Sequence[FlowBatch], admissions: Sequence[Admission]
) -> pa.Table:
    pairs = zip(batches, offsets, admissions, strict=True)
    rows = [(loss, batch, offset) for batch, offset, admission in pairs for loss in admission.losses]
    columns = {
        "window_start": [loss.window_start_us for loss, _, _ in rows],
        "node_id": [batch.node_id for _, batch, _ in rows],
        "epoch": [batch.epoch for _, batch, _ in rows],
        "stage": [loss.stage for loss, _, _ in rows],
        "reason": [loss.reason for loss, _, _ in rows],
        "flows": [loss.flows for loss, _, _ in rows],
        "packets": [loss.packets for loss, _, _ in rows],
        "bytes": [loss.bytes for loss, _, _ in rows],
        "messages": [0] * len(rows),
        "id": [loss.id for loss, _, _ in rows],
        "topic": [identity.topic] * len(rows),
        "partition": [identity.partition] * len(rows),
        "first_offset": [offset for _, _, offset in rows],
    }
    return pa.table(columns, schema=LOSSES)


def dropped_block(identity: BlockIdentity, messages: int, arrived_us: int) -> Block:
    """The loss of messages that Kafka's retention dropped, as a block. `arrived_us`: of the message behind them, which is as near as
    their time is known.
    """
    row = {
        "window_start": arrived_us // 1_000_000 * 1_000_000,
        "node_id": "",
        "epoch": 0,
        "stage": "kafka",
        "reason": "retention",
        "flows": 0,
        "packets": 0,
        "bytes": 0,
        "messages": messages,
        "id": identity.first_offset,
        "topic": identity.topic,
        "partition": identity.partition,
        "first_offset": identity.last_offset,
    }
    losses = pa.table({name: [value] for name, value in row.items()}, schema=LOSSES)
    return Block(identity, FLOWS.empty_table(), losses, OWNERSHIP.empty_table(), BATCHES.empty_table())


def ownership_tables(told: Told, network: str) -> tuple[pa.Table, pa.Table]:
    """The ranges and the rests. `network` is for batches that name none."""
    plain = _joined_up(from_heartbeats(told.plain, network))
    chained = from_heartbeats([one.batch for one in told.chained], network)
    rows = [len(plain), *(len(one.batch.heartbeats) for one in told.chained)]
    chain = np.repeat(np.array([0, *(one.chain for one in told.chained)], np.uint64), rows)
    ended = np.repeat(np.array([0, *(one.ended for one in told.chained)], np.uint8), rows)
    return _ranges_table(concat(plain, chained), chain, ended), _rests_table(told.rests)


def _joined_up(said: Observations) -> Observations:
    """What the observations say, those that touch or overlap as one. Every address gets a number for it, as `union` wants them."""
    said = said.saying()
    number = AddressIndex().intern(key_columns(said.network, said.ip, said.protocol, said.port))
    merged = union(OwnedIntervals(number, said.workload, said.node, said.start_us, said.end_us))
    sample = np.zeros(int(number.max(initial=-1)) + 1, np.int64)
    sample[number] = np.arange(len(said))
    row = sample[merged.address]
    return Observations(
        names=said.names,
        network=said.network[row],
        node=merged.node,
        workload=merged.owner,
        ip=said.ip[row],
        port=said.port[row],
        protocol=said.protocol[row],
        start_us=merged.start_us,
        end_us=merged.end_us,
        by_flow=said.by_flow[row],
    )


def _ranges_table(said: Observations, chain: U64, ended: U8) -> pa.Table:
    """A row for each; `chain` 0: of none."""
    columns = {
        "network": to_arrow.names(said.network, said.names),
        "ip": to_arrow.addresses(said.ip),
        "port": said.port,
        "protocol": to_arrow.names(said.protocol, PROTOCOL_NAMES),
        "workload": to_arrow.names(said.workload, said.names),
        "start": to_arrow.instants(said.start_us),
        "end": to_arrow.instants(said.end_us),
        "source": to_arrow.constant("heartbeat", len(said)),
        "node_id": to_arrow.names(said.node, said.names),
        "chain": chain,
        "ended": ended,
    }
    return to_arrow.table(columns, OWNERSHIP)


def _rests_table(rests: Sequence[Rest]) -> pa.Table:
    columns = zip(*rests, strict=True) if rests else ([],) * len(RESTS)
    return pa.table(dict(zip(RESTS.names, map(list, columns), strict=True)), schema=RESTS)


def batches_table(
    identity: BlockIdentity, offsets: Sequence[int], batches: Sequence[FlowBatch], admissions: Sequence[Admission]
) -> pa.Table:
    """The ledger: batches that know of how many their window consists, each when it first came in time."""
    counted = [(batch, offset) for batch, offset, admission in zip(batches, offsets, admissions, strict=True) if admission.noted]
    columns = {
        "node_id": [batch.node_id for batch, _ in counted],
        "epoch": [batch.epoch for batch, _ in counted],
        "window_start": [batch.window_start_us for batch, _ in counted],
        "window_seconds": [batch.window_seconds for batch, _ in counted],
        "batch_index": [batch.batch_index for batch, _ in counted],
        "batch_count": [batch.batch_count for batch, _ in counted],
        "topic": [identity.topic] * len(counted),
        "partition": [identity.partition] * len(counted),
        "first_offset": [offset for _, offset in counted],
    }
    return pa.table(columns, schema=BATCHES)
