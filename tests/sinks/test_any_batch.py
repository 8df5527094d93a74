"""Every batch that the checks accept can be built into a block, inserted by both sinks, and published, in its time and late."""

from __future__ import annotations

import itertools
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from fastavro import schemaless_reader
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.records.flow_batch import COUNTER_LIMIT, COUNTERS, FlowBatch
from schemas.records.tables import BlockIdentity
from schemas.records.validation import INSTANT_LIMIT_US, check_batch
from schemas.wire.attributed import attributed_messages
from schemas.wire.codec import decode_batch, encode_batch
from schemas.wire.framing import unframe
from sinks.base import Sink
from streams.blocks.build import Built, build_block
from streams.dedup.state import DedupState
from streams.ownership.map import OwnershipMap
from streams.ownership.observations import from_heartbeats
from tests.schemas.strategies import batches
from tests.streams.support import batch as plain_batch

HORIZON_US = 60_000_000
BLOCKS = itertools.count()


def with_largest_counters(batch: FlowBatch) -> FlowBatch:
    """The batch with every counter at the largest value that its column and the checks allow."""
    flows = batch.flows
    largest = {
        name: np.full(len(flows), min(COUNTER_LIMIT, 1 << 8 * getattr(flows, name).dtype.itemsize) - 1, getattr(flows, name).dtype)
        for name in COUNTERS
    }
    return replace(batch, flows=replace(flows, **largest))


def built(batch: FlowBatch, *, late: bool) -> Built:
    """The block of the batch alone, after its node's newest window was seen: long before it, or far beyond the horizon."""
    dedup = DedupState(horizon_us=HORIZON_US)
    if late:
        newest_us = min(batch.window_start_us + 10 * HORIZON_US, INSTANT_LIMIT_US - 1_000_000)
        newest = replace(plain_batch([]), node_id=batch.node_id, epoch=batch.epoch, window_start_us=newest_us)
        dedup.admit(newest, np.zeros(0, np.uint64))
    known = OwnershipMap(gap_us=25_000_000, skew_us=250_000)
    known.learn(from_heartbeats([batch]))
    number = next(BLOCKS)
    identity = BlockIdentity("weir.flows", 0, 10 * number, 10 * number)
    return build_block(identity, [10 * number], [batch], dedup, partial(nullcontext, known), region="home")


@pytest.mark.parametrize("largest", [False, True])
@given(batches(), st.booleans())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large])
def test_it_becomes_rows_and_messages(sink: Sink, largest: bool, batch: FlowBatch, late: bool) -> None:
    batch = decode_batch(encode_batch(with_largest_counters(batch) if largest else batch))
    check_batch(batch)
    block = built(batch, late=late)
    assert block.applied + block.repeated + block.late == len(batch.flows)
    sink.write(block.block)
    sink.write(block.block, maybe_written=True)
    published = 0
    for message in attributed_messages(block.block.flows):
        framed = unframe(message.value)
        record: Any = schemaless_reader(BytesIO(framed.body), framed.writer.parsed, None)
        published += len(record["flows"])
    assert published == block.applied


def test_late_flows_beyond_what_a_counter_holds_are_one_loss(sink: Sink) -> None:
    batch = with_largest_counters(replace(plain_batch([7, 9, 11], window=10), batch_count=0))
    block = built(batch, late=True)
    assert block.late == 3
    sink.write(block.block)
    (row,) = sink.query("SELECT flows, packets, bytes, reason FROM weir.losses").to_pylist()
    assert row == {"flows": 3, "packets": COUNTER_LIMIT - 1, "bytes": COUNTER_LIMIT - 1, "reason": "late"}
