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
from streams.blocks.pipeline import Pipeline
from streams.dedup.state import DedupState
from streams.forwarding.regions import Regions
from streams.intake.messages import ReceivedMessage, UnreadableMessage
from streams.ownership.locked_map import LockedOwnershipMap
from streams.ownership.map import OwnershipMap
from tests.streams.support import batch

TORN = UnreadableMessage(Unreadable("torn"), b"n1", b"?", ())


def arrived(offset: int, content: FlowBatch | UnreadableMessage) -> ReceivedMessage:
    return ReceivedMessage(offset, 0, 1, content)


@pytest.mark.parametrize(("published_to", "flows", "letters"), [(0, 3, 2), (41, 2, 2), (43, 1, 1), (44, 0, 1), (45, 0, 0)])
def test_what_stands_from_there_on_is_published(published_to: int, flows: int, letters: int) -> None:
    """The message at the offset itself is news."""
    ownership = LockedOwnershipMap(OwnershipMap(gap_us=25_000_000, skew_us=250_000), "default")
    nobody: Any = None  # nothing is written here
    home = Regions("home")
    pipeline = Pipeline(nobody, ownership, CidrLabels(), nobody, Framer(None), home, network="default", attributed_partitions=1)
    contents = [batch([7], window=0), batch([7], window=1), TORN, batch([7], window=2), TORN]
    messages = [arrived(40 + number, content) for number, content in enumerate(contents)]
    applied = pipeline.build(BlockIdentity("weir.flows", 0, 40, 44), messages, DedupState(horizon_us=60_000_000), published_to)
    assert applied.built.block.flows.num_rows == 3
    told = [record for record in applied.records if record.topic == ATTRIBUTED_TOPIC]
    assert sum(record.value.count(b"checkout") for record in told) == flows
    assert len(applied.records) - len(told) == letters
