"""A message that no block can be built with: it alone is put aside, as it came, and whoever builds the block again does the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from schemas.errors import Unavailable, Unreadable, WeirError
from schemas.records.tables import BlockIdentity
from schemas.topics import ATTRIBUTED_TOPIC, DEAD_LETTER_TOPIC
from schemas.wire.framing import Framer
from streams.attribution.cidr_labels import CidrLabels
from streams.blocks import build as road
from streams.blocks.pipeline import Pipeline
from streams.blocks.rejecting import Rejecting
from streams.dedup.state import DedupState
from streams.forwarding.regions import Regions
from streams.intake.dead_letter_limit import JUDGED_MESSAGES, DeadLetterLimit
from streams.intake.messages import ReceivedMessage, UnreadableMessage
from streams.ownership.locked_map import LockedOwnershipMap
from streams.ownership.map import OwnershipMap
from tests.streams.support import batch

POISON = "poison"


class Tables:
    """Stands for the restorer: the tables are empty."""

    def restore(self, topic: str, partition: int, pending: BlockIdentity | None) -> DedupState:
        return DedupState(horizon_us=60_000_000)


class Topic:
    """Stands for Kafka, and is away so many times."""

    def __init__(self, away: int = 0) -> None:
        self.away, self.fetched = away, list[int]()

    def fetch(self, topic: str, partition: int, offset: int) -> UnreadableMessage:
        if self.away:
            self.away -= 1
            raise Unavailable("away")
        self.fetched.append(offset)
        return UnreadableMessage(Unreadable("not set"), b"n1", f"bytes of {offset}".encode(), (("from", b"a test"),))


@pytest.fixture(params=[OverflowError, KeyError, RecursionError, AssertionError])
def defect(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Batches of the node `poison` can be merged with no others."""
    merge = road.merge_batches

    def broken(batches: Any, **more: Any) -> Any:
        if any(one.node_id == POISON for one in batches):
            raise request.param("int too big to convert")
        return merge(batches, **more)

    monkeypatch.setattr(road, "merge_batches", broken)
    yield


def rejecting(topic: Topic, limit: DeadLetterLimit | None = None) -> Rejecting:
    ownership = LockedOwnershipMap(OwnershipMap(gap_us=25_000_000, skew_us=250_000), "default")
    nobody: Any = None  # nothing is written here
    pipeline = Pipeline(nobody, ownership, CidrLabels(), nobody, Framer(None), Regions("home"), network="default", attributed_partitions=1)
    tables: Any = Tables()
    return Rejecting(pipeline, tables, limit or DeadLetterLimit(1), topic.fetch)


def messages(*nodes: str) -> list[ReceivedMessage]:
    return [ReceivedMessage(40 + number, 0, 1, batch([7], window=number, node=node)) for number, node in enumerate(nodes)]


IDENTITY = BlockIdentity("weir.flows", 0, 40, 43)


@pytest.mark.usefixtures("defect")
def test_the_poisonous_message_is_put_aside_whole_and_the_others_count() -> None:
    topic = Topic()
    applied, dedup = rejecting(topic).build(IDENTITY, messages("n1", POISON, "n2", "n3"), 0)
    assert applied.built.block.flows.column("node_id").to_pylist() == ["n1", "n2", "n3"]
    assert dedup.entries == 3
    (letter,) = [record for record in applied.records if record.topic == DEAD_LETTER_TOPIC]
    headers = dict(letter.headers)
    assert (letter.key, letter.value, headers["from"], headers["weir-source"]) == (b"n1", b"bytes of 41", b"a test", b"weir.flows:0:41")
    assert headers["weir-reason"].startswith(b"A block with this message cannot be built (")
    assert any(record.topic == ATTRIBUTED_TOPIC for record in applied.records)
    assert topic.fetched == [41]


@pytest.mark.usefixtures("defect")
def test_who_builds_it_again_builds_the_same() -> None:
    one, other = (rejecting(Topic()).build(IDENTITY, messages(POISON, "n1", POISON, "n3"), 0)[0] for _ in range(2))
    assert one.built.block == other.built.block and one.records == other.records


@pytest.mark.usefixtures("defect")
def test_a_kafka_that_is_away_leaves_it_for_another_try() -> None:
    topic, limit = Topic(away=2), DeadLetterLimit(1)
    trying = rejecting(topic, limit)
    for _ in range(2):
        with pytest.raises(Unavailable):
            trying.build(IDENTITY, messages("n1", POISON, POISON), 0)
    trying.build(IDENTITY, messages("n1", POISON, POISON), 0)
    assert topic.fetched == [41, 42]


@pytest.mark.usefixtures("defect")
def test_a_defect_that_hits_every_message_puts_no_topic_aside() -> None:
    limit = DeadLetterLimit(0.5)
    for offset in range(JUDGED_MESSAGES):
        limit.note(f"weir.flows:0:{offset}", 0, None)
    with pytest.raises(WeirError, match="WEIR_DEAD_LETTER_SHARE=0.5"):
        rejecting(Topic(), limit).build(IDENTITY, messages(*[POISON] * 60), 0)
