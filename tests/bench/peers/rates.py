"""What a contender's process pays for the same flows, and whether it has stored them all."""

from __future__ import annotations

import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from confluent_kafka import Producer

from schemas.arrays import U64
from tests.bench.machine import cpu_seconds, resident_bytes
from tests.bench.peers.contender import Contender, Place
from tests.bench.peers.flows import Fleet
from tests.bench.reference import reference_seconds
from tests.support.kafka import KafkaServer
from tests.support.offsets import lag
from tests.support.processes import Child, wait_for

READ_SECONDS = 480
LOOK_SECONDS = 0.25
PRODUCER = {
    "enable.idempotence": True,
    "acks": "all",
    "compression.type": "zstd",
    "linger.ms": 50,
    "batch.size": 1_000_000,
    "message.max.bytes": 8_000_000,
    "log_level": 2,
}


@dataclass(frozen=True)
class Measured:
    """One run. `deliveries`: flows read, repeats among them; `rows`: flows stored of all that was sent, the warm-up's too;
    `reference`: CPU seconds of the reference load just before."""

    contender: str
    deliveries: int
    wire_bytes: int
    cpu_seconds: float
    wall_seconds: float
    rows: int
    resident_bytes: int
    reference: float

    @property
    def rate(self) -> float:
        """Flows read in a CPU second of the process."""
        return self.deliveries / self.cpu_seconds


@dataclass(frozen=True)
class Sent:
    flows: int
    value_bytes: int


def measure(contender: Contender, fleet: Fleet, windows: int) -> Measured:
    """One run with a broker of its own. A window goes first, uncounted, that warms up and tells weir of all addresses.

    While the topic is filled with the others the process stands still, so that it finds everything there.
    """
    with tempfile.TemporaryDirectory() as name, KafkaServer(Path(name) / "broker") as kafka:
        place = Place(kafka.bootstrap, Path(name), fleet)
        contender.prepare(place)
        with contender.start(place) as child:
            warm = send(contender, place, range(1))
            await_read(contender, place, child)
            child.signal(signal.SIGSTOP)
            sent = send(contender, place, range(1, 1 + windows))
            reference, begun, cpu = reference_seconds(), time.monotonic(), cpu_seconds(child.pid)
            child.signal(signal.SIGCONT)
            await_read(contender, place, child)
            spent, wall = cpu_seconds(child.pid) - cpu, time.monotonic() - begun
            resident = resident_bytes(child.pid)
            child.stop(60, status=None)
        stored = contender.stored(place)
    check(contender, stored, fleet.numbers(range(1 + windows)), warm.flows + sent.flows)
    return Measured(contender.title, sent.flows, sent.value_bytes, spent, wall, len(stored), resident, reference)


def send(contender: Contender, place: Place, windows: range) -> Sent:
    producer = Producer({"bootstrap.servers": place.bootstrap, **PRODUCER})
    flows = size = 0
    for batch in place.fleet.deliveries(windows):
        flows += len(batch.flows)
        for key, value in contender.messages(batch):
            size += len(value)
            while True:
                try:
                    producer.produce(contender.topic, value, key)
                    break
                except BufferError:
                    producer.poll(0.1)
        producer.poll(0)
    assert producer.flush(60) == 0, "Kafka did not take what was sent"
    return Sent(flows, size)


def await_read(contender: Contender, place: Place, child: Child) -> None:
    """Returns once the group has committed everything."""

    def read() -> bool:
        assert child.running(), f"{contender.title} ended by itself\n{child.report()}"
        return not lag(place.bootstrap, contender.group, contender.topic)

    wait_for(read, READ_SECONDS, f"{contender.title} to read everything\n{child.report()}", every=LOOK_SECONDS)


def check(contender: Contender, stored: U64, expected: U64, deliveries: int) -> None:
    """A rate counts only where every flow is there: once, or as often as it was delivered where repeats are stored."""
    rows = len(expected) if contender.drops_repeats else deliveries
    assert len(stored) == rows, f"{contender.title} has {len(stored):,} rows, not {rows:,}"
    assert np.array_equal(np.unique(stored), expected), f"{contender.title} has not stored every flow"


def interleaved(contenders: list[Contender], runs: int) -> Iterator[tuple[int, Contender]]:
    """Run by run, everybody in each; the order turns, so that nobody always follows the same."""
    for run in range(runs):
        turn = run % len(contenders)
        for contender in contenders[turn:] + contenders[:turn]:
            yield run, contender
