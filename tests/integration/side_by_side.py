"""Learners of today and stand-ins of before (`old_worker.py`) over one Kafka, and a fleet whose truth is known.

A fleet whose addresses change hands, on a node and between nodes, sends window by window; every worker is asked, and answers as one would
that had heard each heartbeat itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from confluent_kafka import Producer

from schemas.records.flow_batch import FlowBatch
from schemas.topics import FLOWS_TOPIC
from schemas.wire.codec import encode_batch
from schemas.wire.framing import Framer
from streams.clock import now_us
from streams.learning.watermarks import Watermarks
from streams.ownership.map import OwnershipMap, empty_map
from streams.ownership.observations import concat, from_flows, from_heartbeats
from tests.bench.knowledge.fleet import WINDOW_SECONDS, Fleet, FleetShape
from tests.bench.knowledge.lookups import Question, answers, question, verdict
from tests.bench.knowledge.stage import new_fleet
from tests.bench.knowledge.worker import Knowing
from tests.integration.old_worker import OldWorker
from tests.support.processes import wait_for

PARTITIONS = 3
SILENCE_SECONDS = 5
"""A worker that has said nothing for so long is gone."""
_SHAPE = FleetShape(addresses=90, nodes=9, churn=0.15, flows=3)
_LEARN_SECONDS = 60.0
_LOOK_UPS = 600
_ALIVE_US = 3_600_000_000


def plain_map() -> OwnershipMap:
    return empty_map(gap_seconds=60, skew_ms=250, window_seconds=WINDOW_SECONDS)


@dataclass
class SideBySide:
    """`reference`: a map that has heard every heartbeat by itself. `dress`: what becomes of a batch before it is sent."""

    bootstrap: str
    fleet: Fleet = field(default_factory=lambda: new_fleet(_SHAPE))
    reference: OwnershipMap = field(default_factory=plain_map)
    new: list[Knowing] = field(default_factory=list)
    old: list[OldWorker] = field(default_factory=list)
    dress: Callable[[FlowBatch], FlowBatch] = lambda batch: batch

    def __post_init__(self) -> None:
        self._producer = Producer({"bootstrap.servers": self.bootstrap, "log_level": 2})

    @contextmanager
    def old_worker(self, name: str) -> Iterator[OldWorker]:
        """At work until the block ends."""
        worker = OldWorker(self.bootstrap, plain_map(), Watermarks(name, PARTITIONS, _ALIVE_US, SILENCE_SECONDS * 1_000_000), name)
        worker.start()
        self.old.append(worker)
        try:
            yield worker
        finally:
            self.old.remove(worker)
            worker.close()
        assert worker.failed is None, worker.failed

    @contextmanager
    def new_worker(self, name: str) -> Iterator[Knowing]:
        worker = Knowing(self.bootstrap, name, PARTITIONS, SILENCE_SECONDS)
        try:
            worker.start(_LEARN_SECONDS)
            self.new.append(worker)
            yield worker
        finally:
            worker.close()

    def share(self, *shares: tuple[Knowing | OldWorker, tuple[int, ...]]) -> None:
        """Who reads which partitions from now on, from their beginnings; returns once all know that."""
        for worker, partitions in shares:
            if isinstance(worker, OldWorker):
                worker.watermarks.want(dict.fromkeys(partitions, 0))
            else:
                worker.follow(dict.fromkeys(map(str, partitions), 0))
        self._wait(0)

    def windows(self, count: int) -> None:
        """So many more, each sent and learned by all."""
        for _ in range(count):
            batches = [self.dress(batch) for batch in self.fleet.next_window()]
            self.reference.learn(concat(from_heartbeats(batches), from_flows(batches)))
            for batch in batches:
                self._producer.produce(FLOWS_TOPIC, Framer().frame("FlowBatch", encode_batch(batch)), partition=partition_of(batch.node_id))
            assert self._producer.flush(_LEARN_SECONDS) == 0, "Kafka did not take what was sent"
            self._wait(self.fleet.window_us(self.fleet.windows))

    def assert_all_know(self, recent: int = 0) -> None:
        """Of the newest windows, or of all: no name is wrong, and none is missing that a worker would have that had heard all by itself."""
        asked = question(self.fleet, _LOOK_UPS, 1, recent or self.fleet.windows)
        wanted = _answers(self.reference, asked)
        truth = verdict(asked, wanted)
        assert truth.wrong == 0 and truth.nameless < _LOOK_UPS // 4
        for name, found in self._found(asked):
            missing = sum(one != other for one, other in zip(found, wanted, strict=True))
            assert missing == 0, f"{name}: {missing} of {_LOOK_UPS} answers are not those of a worker that heard all by itself"

    def assert_none_wrong(self) -> None:
        """Of all windows so far."""
        asked = question(self.fleet, _LOOK_UPS, 2, self.fleet.windows)
        for name, found in self._found(asked):
            assert verdict(asked, found).wrong == 0, name

    def _found(self, asked: Question) -> Iterator[tuple[str, list[str]]]:
        """What each worker says."""
        for number, new in enumerate(self.new):
            yield f"new {number}", new.ask(**asked.plain())
        for old in self.old:
            with old.lock:
                yield old.name, _answers(old.known, asked)

    def _wait(self, reported_us: int) -> None:
        """Until all know that every partition's nodes have reported so far, and that all that is in Kafka now has been read."""
        read_us = now_us()
        for new in self.new:
            new.wait(reported_us, read_us, _LEARN_SECONDS)
        for old in self.old:
            wait_for(lambda old=old: _has_learned(old, reported_us, read_us), _LEARN_SECONDS, f"{old.name} to learn")  # type: ignore[misc]


def number_of(node_id: str) -> int:
    return int(node_id.removeprefix("node-").partition(".")[0])


def partition_of(node_id: str) -> int:
    return number_of(node_id) % PARTITIONS


def _answers(known: OwnershipMap, asked: Question) -> list[str]:
    return answers(known, asked.address, asked.first_us, asked.last_us)


def _has_learned(old: OldWorker, reported_us: int, read_us: int) -> bool:
    assert old.failed is None, old.failed
    known = old.watermarks.progress() or ()
    reported = [one.reported_until_us for one in known]
    told = all(one.read_until_us >= read_us for one in known) and all(one is None or one >= reported_us for one in reported)
    return told and len(known) == PARTITIONS
