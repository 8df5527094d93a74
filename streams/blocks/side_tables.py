"""The rows of a block besides its flows: losses, the ledger of batches, what heartbeats said."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from schemas.protocols import PROTOCOL_NAMES
from schemas.records.flow_batch import FlowBatch
from schemas.records.tables import BATCHES, FLOWS, LOSSES, OWNERSHIP, Block, BlockIdentity
from streams.columns import arrow as to_arrow
from streams.dedup.state import Admission
from streams.ownership.address_index import AddressIndex, key_columns
from streams.ownership.intervals import OwnedIntervals, union
from streams.ownership.observations import Observations


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


def ownership_table(said: Observations) -> pa.Table:
    """What the block's own heartbeats say, joined up: a function of the messages, so that a retry builds the same rows.

    Every address gets a number for it, as `union` wants them.
    """
    said = said.saying()
    number = AddressIndex().intern(key_columns(said.network, said.ip, said.protocol, said.port))
    merged = union(OwnedIntervals(number, said.workload, said.node, said.start_us, said.end_us))
    sample = np.zeros(int(number.max(initial=-1)) + 1, np.int64)
    sample[number] = np.arange(len(said))
    row = sample[merged.address]
    columns = {
        "network": to_arrow.names(said.network[row], said.names),
        "ip": to_arrow.addresses(said.ip[row]),
        "port": said.port[row],
        "protocol": to_arrow.names(said.protocol[row], PROTOCOL_NAMES),
        "workload": to_arrow.names(merged.owner, said.names),
        "start": to_arrow.instants(merged.start_us),
        "end": to_arrow.instants(merged.end_us),
        "source": to_arrow.constant("heartbeat", len(row)),
        "node_id": to_arrow.names(merged.node, said.names),
    }
    return to_arrow.table(columns, OWNERSHIP)


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
