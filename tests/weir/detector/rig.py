"""Detectors as processes over a real Kafka, tables behind the native protocol, and receivers that come and go; one story for all."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from schemas.records.finding_change import FindingChange, FindingsCheckpoint
from schemas.topics import FINDINGS_TOPIC
from schemas.wire.finding_codec import CHECKPOINT, decode_change
from schemas.wire.framing import Framer, unframe
from sinks.open import open_engine, open_sink
from streams.kafka import Kafka
from tests.simulator.answers.delivery import START_S, STEP_S, Story, StoryWatch
from tests.support.clickhouse import EngineHost
from tests.support.processes import Child
from tests.weir.detector.fakes import FakeEngine
from tests.weir.detector.receivers import Receivers
from weir.detector.kafka_log import KafkaLog
from weir.detector.log import MemoryLog
from weir.detector.lookout import Lookout
from weir.detector.mutes import Mutes
from weir.detector.notices import Notices

SECRET = "k3y"  # noqa: S105 - what posts are signed with


@dataclass
class Rig:
    """`tell` lets steps be complete."""

    story: Story
    bootstrap: str
    host: EngineHost
    receivers: Receivers
    told: int = 0
    engine: Any = field(init=False)

    def __post_init__(self) -> None:
        self._looked = self.host.directory / "looked"
        sink = open_sink(self.host.url)
        sink.migrate()
        sink.close()
        self.engine = open_engine(self.host.url)
        # as if a detector had looked at the step before the story's first
        KafkaLog(Kafka(self.bootstrap), Framer(), "weir-detector").append((), FindingsCheckpoint(START_S * 1_000_000, 0))

    def tell(self, step: int) -> None:
        """The tables are complete up to the end of the step."""
        for number in range(self.told + 1, step + 1):
            start_s = START_S + (number - 1) * STEP_S
            self.engine.execute(
                "INSERT INTO weir.batches (node_id, epoch, window_start, window_seconds, batch_index, batch_count, first_offset) "  # noqa: S608
                f"SELECT 'n1', 1, toDateTime({start_s}, 'UTC'), {STEP_S}, 0, 1, {number}"
            )
        self.told = max(self.told, step)

    def detector(self, point: str = "never", number: int = 1) -> Child:
        story = (self.story.seed, self.story.steps, self.story.each)
        settings = {
            "kafka_bootstrap": self.bootstrap,
            "clickhouse_url": self.host.url,
            "session_seconds": 1,
            "detector_learning_days": 0,
            "alertmanager_url": self.receivers.url,
            "webhook_url": f"{self.receivers.url}/hook",
            "webhook_secret": SECRET,
        }
        arguments = map(str, (*story, point, number, self._looked))
        return Child([sys.executable, "-m", "tests.weir.detector.armed", *arguments], settings, name="detector")

    @property
    def looked(self) -> int:
        """The last step that a detector began to look at; 0: none."""
        return int(self._looked.read_text() or 0) if self._looked.exists() else 0

    def changes(self) -> list[FindingChange]:
        """What is committed on the topic."""
        own = {"group.id": "reader", "isolation.level": "read_committed", "enable.partition.eof": True}
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "log_level": 0, **own})
        found: list[FindingChange] = []
        try:
            consumer.assign([TopicPartition(FINDINGS_TOPIC, 0, OFFSET_BEGINNING)])
            while True:
                for message in consumer.consume(500, 1.0):
                    if message.error() is not None:
                        return found
                    framed = unframe(message.value() or b"")
                    if framed.name != CHECKPOINT:
                        found.append(decode_change(framed.body, framed.writer))
        finally:
            consumer.close()

    def rows(self) -> dict[str, str]:
        rows = self.engine.ask("SELECT id, toString(state) AS state FROM weir.findings FINAL").to_pylist()
        return {row["id"]: row["state"] for row in rows}

    def closings(self) -> int:
        return sum(post.key.endswith("-closed") for post in {post.key: post for post in self.receivers.hooks()}.values())

    def close(self) -> None:
        self.engine.close()


@dataclass(frozen=True)
class Truth:
    """Of the story: `opened` ids, and the keys of every notice, in their order."""

    opened: frozenset[str]
    keys: tuple[str, ...]


def truth_of(story: Story) -> Truth:
    """By one detector that never dies, in memory."""
    journal, engine = MemoryLog(), FakeEngine(story.steps)
    looking = Lookout(engine, (StoryWatch(story),), journal, Mutes(None), step_s=STEP_S, learning_days=0, clock=time.time)
    looking.recover()
    for number in range(1, story.steps + 1):
        looking.look(story.step(number))
    entries = journal.read().entries
    notices = Notices(0)
    keys = tuple(notice.key for entry in entries if (notice := notices.of(entry)))
    return Truth(frozenset(entry.change.finding.id for entry in entries), keys)


@dataclass(frozen=True)
class Verdict:
    """What is wrong, one sentence each. `repeats`: posts that came more than once, under the same key."""

    wrong: tuple[str, ...]
    opened: int
    repeats: int


def judge(rig: Rig) -> Verdict:
    truth, wrong = truth_of(rig.story), []
    counts = Counter((change.change, change.finding.id) for change in rig.changes() if change.change != "updated")
    wanted = {(what, its) for its in truth.opened for what in ("opened", "closed")}
    if set(counts) != wanted or set(counts.values()) != {1}:
        wrong.append(f"on the topic {len(set(counts) ^ wanted)} are missing or foreign, {sum(n > 1 for n in counts.values())} came twice")
    if rig.rows() != dict.fromkeys(truth.opened, "closed"):
        wrong.append(f"the table has {Counter(rig.rows().values())} of {len(truth.opened)}")
    hooks = rig.receivers.hooks()
    bodies: dict[str, bytes] = {}
    wrong += [f"{post.key} came with two bodies" for post in hooks if bodies.setdefault(post.key, post.body) != post.body]
    if tuple(bodies) != truth.keys:
        wrong.append(f"the webhook got {len(bodies)} of {len(truth.keys)} notices, or not in their order")
    wrong += _of_alerts(rig.receivers.alerts(), truth)
    return Verdict(tuple(wrong), len(truth.opened), len(hooks) - len(bodies))


def _of_alerts(posts: list[list[dict[str, Any]]], truth: Truth) -> Iterator[str]:
    """Each finding that is told fires, then ends, and never fires again."""
    told = {key.removesuffix("-opened") for key in truth.keys if key.endswith("-opened")}
    fired: set[str] = set()
    ended: set[str] = set()
    for alert in (alert for alerts in posts for alert in alerts):
        its = json.dumps(alert["labels"], sort_keys=True)
        if alert["endsAt"] > "2026-06":  # by the clock of the test, not of the story: it fires
            fired.add(its)
            if its in ended:
                yield f"{its} fires again"
        else:
            ended.add(its)
    ids = {json.loads(its)["finding"] for its in fired}
    if ids != told or not ended >= fired:
        yield f"Alertmanager saw {len(ids)} of {len(told)} fire, and {len(fired - ended)} without an end"


@contextmanager
def rigged(story: Story, bootstrap: str, host: EngineHost) -> Iterator[Rig]:
    with Receivers() as receivers:
        rig = Rig(story, bootstrap, host, receivers)
        try:
            yield rig
        finally:
            rig.close()
