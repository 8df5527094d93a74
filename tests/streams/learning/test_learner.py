"""The learner against a consumer that is played: where it begins, and in which order it learns and says so."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from schemas import topics
from schemas.records.cluster import ClusterRecord, NodeLabels, ServiceAddress, WatcherWatermark, WorkloadState, key_of
from schemas.records.node_place import NodePlace
from schemas.records.ownership import AddressRange, Ownership, Watermark
from schemas.wire.cluster_codec import encode_cluster_record
from schemas.wire.codec import decode_watermark, encode_batch, encode_ownership, encode_watermark
from schemas.wire.framing import Framer
from schemas.wire.ownership_codec import encode_node_place
from streams.clock import elapsed_us, now_us
from streams.intake.decode import MessageDecoder
from streams.intake.hold import HoldRule
from streams.kafka import Kafka as Servers
from streams.learning import learner as module
from streams.learning.learner import OwnershipLearner
from streams.learning.lookahead_consumer import Place
from streams.learning.watermarks import Watermarks
from streams.ownership.locked_map import Learned
from tests.streams.support import batch

NOTHING = Learned([], [])
SECOND = 1_000_000
HOLD = 30 * SECOND
FLOWS, EVENTS = Place(topics.FLOWS_TOPIC, 0), Place(topics.IP_EVENTS_TOPIC, 0)


class Message:
    """As confluent_kafka gives it out, as far as the learner asks."""

    def __init__(self, place: Place, value: bytes, key: bytes = b"") -> None:
        self._place, self._value, self._key = place, value, key

    def topic(self) -> str:
        return self._place.topic

    def partition(self) -> int:
        return self._place.partition

    def offset(self) -> int:
        return 0

    def timestamp(self) -> tuple[int, int]:
        return 1, now_us() // 1_000

    def headers(self) -> None:
        return None

    def key(self) -> bytes:
        return self._key

    def value(self) -> bytes:
        return self._value


@dataclass
class Kafka:
    """Stands for the consumer. `recent`: the first offset that is not older than the hold."""

    end: int = 1
    recent: int | None = None
    reads: int = 0  # polls until the ends are reached
    messages: list[Message] = field(default_factory=list)
    read_to: dict[Place, int] = field(default_factory=dict)
    positions: dict[Place, int] = field(default_factory=dict)
    at_end: set[Place] = field(default_factory=set)
    drained: bool = True

    def partitions_of(self, topic: str) -> list[Place]:
        return [Place(topic, 0)]

    def has_read(self, ends: dict[Place, int]) -> bool:
        self.reads -= 1
        return self.reads < 0

    def assign(self, place: Place, offset: int = 0) -> None:
        self.positions[place] = offset

    def unassign(self, place: Place) -> None:
        del self.positions[place]

    def end_of(self, place: Place) -> int:
        return self.end

    def offset_at(self, place: Place, instant_us: int) -> int | None:
        return self.recent

    def take(self, seconds: float) -> list[Message]:
        taken, self.messages = self.messages, []
        self.positions |= {Place(message.topic(), message.partition()): message.offset() + 1 for message in taken}
        return taken


def a_store(**more: Any) -> Any:
    """One that learns nothing and has nothing to tell."""
    nothing: dict[str, Any] = {"learn": lambda *_, **__: NOTHING, "forget": lambda _: 0, "tell_places_anew": lambda: None, "size": 0}
    told: dict[str, Any] = {"due_leases": lambda _: [], "contested": lambda *_: set(), "whole": lambda *_: [], "gone_places": list}
    return SimpleNamespace(**{**nothing, **told, **more})


def learner(monkeypatch: pytest.MonkeyPatch, kafka: Kafka, store: Any, partitions: int = 1) -> tuple[OwnershipLearner, Watermarks]:
    monkeypatch.setattr(module, "LookaheadConsumer", lambda *_: kafka)
    monkeypatch.setattr(module, "BlockingProducer", lambda *_: SimpleNamespace(post=lambda records: None))
    framer, watermarks = Framer(None), Watermarks("me", partitions, HOLD, HOLD)
    events: Any = SimpleNamespace(put=lambda events: None)
    made = OwnershipLearner(Servers("nowhere"), framer, MessageDecoder(framer, SECOND), store, events, watermarks, "me", HOLD, HOLD)
    watermarks.ready()
    return made, watermarks


def flow_message() -> Message:
    return Message(FLOWS, Framer(None).frame("FlowBatch", encode_batch(batch([]))))


def test_what_is_read_counts_once_the_map_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between reading and learning another thread may ask whether flows may be named."""
    seen: list[int] = []

    def learn(*_: Any, **__: Any) -> Learned:
        seen.extend(mark.read_until_us for mark in made.progress() or ())
        return NOTHING

    kafka = Kafka(messages=[flow_message()], at_end={FLOWS})
    made, _ = learner(monkeypatch, kafka, a_store(learn=learn))
    made.follow({0: 0})
    made._follow_wanted()
    made._step()
    assert seen == [0]
    assert (made.progress() or [])[0].read_until_us > 0


def test_a_queue_that_is_not_empty_says_nothing_of_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of a partition was told a while ago: messages that came since may wait behind those of others."""
    kafka = Kafka(end=0, at_end={FLOWS}, drained=False)
    made, watermarks = learner(
        monkeypatch,
        kafka,
        a_store(),
    )
    made.follow({0: 0})
    made._follow_wanted()
    made._step()
    begun_us, later_us = (made.progress() or [])[0].read_until_us, now_us() + HOLD
    monkeypatch.setattr(module, "now_us", lambda: later_us)
    made._step()
    assert (made.progress() or [])[0].read_until_us == begun_us
    kafka.drained = True
    made._step()
    assert (made.progress() or [])[0].read_until_us > begun_us


@pytest.mark.parametrize(
    ("committed", "known", "recent", "end", "start"),
    [
        (500, 0, None, 900, 500),  # nobody has spoken within the hold
        (500, 0, 700, 900, 500),  # a backlog longer than the hold
        (500, 0, 300, 900, 300),  # committed, but it says who is alive
        (500, 800, 700, 900, 700),  # learned before this assignment
        (500, 800, 850, 900, 800),
        (0, 800, None, 90, 0),  # the topic was deleted and made anew
    ],
)
def test_where_reading_begins(
    committed: int, known: int, recent: int | None, end: int, start: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    kafka = Kafka(end=end, recent=recent, read_to={FLOWS: known})
    made, _ = learner(monkeypatch, kafka, a_store())
    made.follow({0: committed})
    made._follow_wanted()
    assert kafka.positions == {FLOWS: start}


def test_a_worker_without_partitions_follows_none(monkeypatch: pytest.MonkeyPatch) -> None:
    kafka = Kafka()
    made, watermarks = learner(monkeypatch, kafka, a_store())
    for starts in ({0: 0}, {}, {}):
        made.follow(starts)
        made._follow_wanted()
    assert kafka.positions == {} and watermarks.own() == []


def test_a_worker_that_still_rebuilds_tells_the_others_that_it_has_read_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """They wait for what lies in its partitions, however long it takes to read weir.ownership."""
    made, _ = learner(
        monkeypatch,
        Kafka(reads=1),
        a_store(),
    )
    posted: list[Any] = []
    monkeypatch.setattr(made, "_delivery", SimpleNamespace(post=posted.extend))
    made.follow({0: 0})
    made._catch_up()
    (record,) = posted
    framed = Framer(None).unframe(record.value)
    told = decode_watermark(framed.body, framed.writer)
    assert (record.key, told.read_until_us) == (b"@watermark/0", 0)


@pytest.mark.parametrize(("drained", "came", "dead"), [(True, True, True), (True, False, False), (False, True, False)])
def test_silence_is_what_was_read_of_the_changelog(drained: bool, came: bool, dead: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another worker's watermarks may wait in the queue, or Kafka may be away."""
    kafka = Kafka(end=0, drained=drained)
    made, _ = learner(
        monkeypatch,
        kafka,
        a_store(),
        partitions=2,
    )
    made.follow({0: 0})
    made._follow_wanted()
    later_us = elapsed_us() + 2 * HOLD
    monkeypatch.setattr(module, "elapsed_us", lambda: later_us)
    kafka.messages = [Message(Place(topics.OWNERSHIP_TOPIC, 0), b"")] if came else []
    monkeypatch.setattr(made, "_read", lambda *_: None)
    made._step()
    assert (made.progress() is not None) == dead


def test_what_a_worker_of_before_told_is_removed_a_retention_after_its_last_word(monkeypatch: pytest.MonkeyPatch) -> None:
    key, place = b"default/10.0.0.1", Place(topics.OWNERSHIP_TOPIC, 0)
    told = Ownership("default", bytes(16), (AddressRange("app", 0, 0, 1, now_us(), "heartbeat", "n1"),))
    mark = Watermark(0, now_us(), now_us(), "before")
    kafka = Kafka(messages=[Message(place, Framer(None).frame("Ownership", encode_ownership(told)), key)])
    kafka.messages.append(Message(place, Framer(None).frame("Watermark", encode_watermark(mark)), b"@watermark/0"))
    made, watermarks = learner(monkeypatch, kafka, a_store())
    posted: list[Any] = []
    monkeypatch.setattr(made, "_delivery", SimpleNamespace(post=posted.extend))
    monkeypatch.setattr(watermarks, "reported_by_all", lambda: now_us() + 2 * HOLD)
    made.follow({0: 0})
    made._follow_wanted()
    made._step()
    for ahead_us in (HOLD - SECOND, HOLD + SECOND):
        assert posted == []
        monkeypatch.setattr(module, "now_us", lambda ahead_us=ahead_us: now_us() + ahead_us)
        made._forget_due_us = 0
        made._forget()
    assert [(record.key, record.value) for record in posted] == [(key, None)]


def test_where_a_node_is_has_been_learned_before_the_watermark_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who hears another worker's watermark releases flows to the nodes that it speaks of."""
    place, at = NodePlace("n1", "eu", "a", SECOND, 2 * SECOND), Place(topics.OWNERSHIP_TOPIC, 0)
    framed = Framer(None).frame
    told = [
        Message(at, framed("NodePlace", encode_node_place(place)), b"@nodes/n1/1000000/00000000"),
        Message(at, framed("Watermark", encode_watermark(Watermark(1, now_us(), now_us(), "other"))), b"@watermark/1"),
    ]
    seen: list[tuple[Any, Any]] = []

    def learn(*taught: Any, **_: Any) -> Learned:
        seen.append((taught[5], made.progress()))
        return NOTHING

    made, _ = learner(monkeypatch, Kafka(messages=told), a_store(learn=learn), partitions=2)
    made.follow({0: 0})
    made._follow_wanted()
    made._step()
    assert seen == [([place], None)]
    assert made.progress() is not None


def test_a_schema_that_this_worker_does_not_know_teaches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a later version, on weir.ownership: what stands beside it is learned."""
    place, at = NodePlace("n1", "eu", "a", SECOND, 2 * SECOND), Place(topics.OWNERSHIP_TOPIC, 0)
    told = [b"\xc3\x01" + bytes(8) + b"later", Framer(None).frame("NodePlace", encode_node_place(place))]
    seen: list[Any] = []
    kafka = Kafka(messages=[Message(at, value, b"@later") for value in told])
    made, _ = learner(monkeypatch, kafka, a_store(learn=lambda *taught, **_: seen.extend(taught[5]) or NOTHING))
    made._step()
    assert seen == [place]


def a_word(record: ClusterRecord) -> Message:
    return Message(EVENTS, Framer(None).frame(type(record).__name__, encode_cluster_record(record)), key_of(record))


def test_what_a_watcher_tells_is_learned_before_its_watermark_releases_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    """And all of it goes to the tables; a kind that this worker does not know teaches nothing."""
    service = ServiceAddress("default", bytes(16), 6, 80, "shop/web", ("shop/web",), SECOND, "w1")
    mark = WatcherWatermark("default", "w1", SECOND, 2 * SECOND)
    others = [WorkloadState("default", "shop/web", "Deployment", "shop", {}, True, SECOND), NodeLabels("default", "n1", "", "", {}, SECOND)]
    seen: list[Any] = []

    def learn(*taught: Any, **_: Any) -> Learned:
        seen.append((taught[2], taught[6], made._watchers.progress()))
        return NOTHING

    later = Message(EVENTS, b"\xc3\x01" + bytes(8) + b"later", b"@later")
    kafka = Kafka(messages=[a_word(service), later, *map(a_word, others), a_word(mark)], at_end={EVENTS})
    made, _ = learner(monkeypatch, kafka, a_store(learn=learn))
    put: list[Any] = []
    monkeypatch.setattr(made, "_event_writer", SimpleNamespace(put=put.extend))
    made._step()
    assert seen == [([], [service, mark], [])]
    assert put == [service, *others, mark]
    assert [told.reported_until_us for told in made._watchers.progress()] == [2 * SECOND]


def test_flows_wait_for_a_live_watcher_as_they_wait_for_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    kafka, rule = Kafka(end=0, at_end={FLOWS, EVENTS}), HoldRule(HOLD, SECOND // 4)
    made, _ = learner(monkeypatch, kafka, a_store())
    made._events = frozenset({EVENTS})
    made.follow({0: 0})
    made._follow_wanted()
    arrived_us = now_us() - 2 * SECOND
    window_end_us = arrived_us - SECOND

    def released_by(*until_us: int) -> bool:
        kafka.messages = [a_word(WatcherWatermark("default", "w1", 0, until)) for until in until_us]
        made._step()
        return rule.released(arrived_us, window_end_us, made.progress() or ())

    assert released_by()
    assert not released_by(window_end_us)
    assert not released_by()
    assert released_by(window_end_us + rule.skew_us)


def test_how_far_the_watchers_topic_has_been_read_is_what_makes_them_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    kafka = Kafka(messages=[a_word(WatcherWatermark("default", "w1", SECOND, 2 * SECOND))])
    made, _ = learner(monkeypatch, kafka, a_store())
    made._events = frozenset({EVENTS})
    made._step()
    later_us = now_us() + 2 * HOLD
    monkeypatch.setattr(module, "now_us", lambda: later_us)
    made._step()
    assert made._watchers.progress()
    kafka.at_end = {EVENTS}
    made._step()
    assert made._watchers.progress() == []


@pytest.mark.parametrize("starts", [[{0: 0}, {0: 0, 1: 0}], [{0: 0}, {1: 0}]])
def test_who_reads_other_partitions_tells_anew_where_their_nodes_are(starts: list[dict[int, int]], monkeypatch: pytest.MonkeyPatch) -> None:
    times = 0

    def anew() -> None:
        nonlocal times
        times += 1

    made, _ = learner(monkeypatch, Kafka(), a_store(tell_places_anew=anew), partitions=2)
    for number, wanted in enumerate(starts, start=1):
        for _ in range(2):
            made.follow(wanted)
            made._follow_wanted()
            assert times == number
