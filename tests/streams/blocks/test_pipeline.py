"""What a block says downstream, when a part of its messages had been published before."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.errors import Unreadable
from schemas.records.flow_batch import FlowBatch
from schemas.records.tables import BlockIdentity
from schemas.topics import ATTRIBUTED_TOPIC
from schemas.wire.framing import Framer
from streams.attribution.cidr_labels import CidrLabels
from streams.blocks import build as road
from streams.blocks.pipeline import Pipeline
from streams.dedup.resting import Resting
from streams.dedup.state import DedupState
from streams.forwarding.regions import Regions
from streams.intake.messages import ReceivedMessage, UnreadableMessage
from streams.ownership.locked_map import LockedOwnershipMap
from streams.ownership.map import OwnershipMap
from tests.streams.support import address, batch, heartbeats

TORN = UnreadableMessage(Unreadable("torn"), b"n1", b"?", ())


def arrived(offset: int, content: FlowBatch | UnreadableMessage) -> ReceivedMessage:
    return ReceivedMessage(offset, 0, 1, content)


def piped() -> Pipeline:
    ownership = LockedOwnershipMap(OwnershipMap(gap_us=25_000_000, skew_us=250_000), "default")
    nobody: Any = None  # nothing is written here
    return Pipeline(nobody, ownership, CidrLabels(), nobody, Framer(None), Regions("home"), network="default", attributed_partitions=1)


@pytest.mark.parametrize(("published_to", "flows", "letters"), [(0, 3, 2), (41, 2, 2), (43, 1, 1), (44, 0, 1), (45, 0, 0)])
def test_what_stands_from_there_on_is_published(published_to: int, flows: int, letters: int) -> None:
    """The message at the offset itself is news."""
    pipeline = piped()
    contents = [batch([7], window=0), batch([7], window=1), TORN, batch([7], window=2), TORN]
    messages = [arrived(40 + number, content) for number, content in enumerate(contents)]
    applied = pipeline.build(BlockIdentity("weir.flows", 0, 40, 44), messages, DedupState(horizon_us=60_000_000), published_to)
    assert applied.built.block.flows.num_rows == 3
    told = [record for record in applied.records if record.topic == ATTRIBUTED_TOPIC]
    assert sum(record.value.count(b"checkout") for record in told) == flows
    assert len(applied.records) - len(told) == letters


def test_a_block_that_could_not_be_built_leaves_no_heartbeats_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """They were told to nobody: the next block must not go on from them."""
    pipeline, dedup, resting = piped(), DedupState(horizon_us=600_000_000), Resting()
    said = [batch([7], window=at, beats=heartbeats([(0, address(200), at * 10_000_000, (at + 1) * 10_000_000)])) for at in range(4)]
    rows = []
    for at, one in enumerate(said):
        identity = BlockIdentity("weir.flows", 0, at, at)
        if at == 2:
            with monkeypatch.context() as patch, pytest.raises(TypeError):
                patch.setattr(road, "batches_table", None)
                pipeline.build(identity, [arrived(at, one)], dedup, 0, resting)
            continue
        block = pipeline.build(identity, [arrived(at, one)], dedup, 0, resting).built.block
        rows.append((block.ownership.num_rows, block.rests.num_rows))
    assert rows == [(1, 0), (0, 1), (1, 0)]
