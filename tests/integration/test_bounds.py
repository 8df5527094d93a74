"""What a worker holds while ClickHouse is away and everything else goes on: so much and no more, and all of it lands once."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import get_args

from confluent_kafka import Producer

from schemas.addresses import parse_addresses
from schemas.records.flow_batch import FlowBatch
from schemas.records.ip_event import IpEvent
from schemas.topics import FLOWS_TOPIC, IP_EVENTS_TOPIC, OWNERSHIP_TOPIC
from schemas.wire.codec import encode_batch, encode_ip_event
from schemas.wire.framing import Framer, unframe
from schemas.wire.ownership_codec import decode_changes
from streams.observe import metrics
from tests.bench.machine import resident_bytes
from tests.faults.fleet import PRODUCER
from tests.faults.sent import SUMMED, Ledger, Shape
from tests.integration.made_recording import half_an_hour_ago_us
from tests.integration.pipeline_support import Pipeline, read_topic, rows
from tests.integration.test_health import ask
from tests.sinks.oracle import assert_rollups_follow
from tests.support.clickhouse import EngineHost
from tests.support.kafka import free_ports
from tests.support.processes import run_weir

MB = 1_000_000
CEILING = 700 * MB
GROWTH = 40 * MB
"""How much more a worker may hold after half as much input again: an allocator's whims."""
WINDOWS, NODES, FLOWS_EACH, ROUNDS = 3, 20, 2_000, 8
PARTITIONS = 8
EVENTS = 21_000
BOUND = re.compile(r'^weir_fill\{bound="(\w+)"\} (\S+)$', re.MULTILINE)


class Sampler(threading.Thread):
    """A process's resident memory, ten times a second."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.samples: list[int] = []
        self._pid = pid
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(0.1):
            self.samples.append(resident_bytes(self._pid))

    def peak_since(self, sample: int = 0) -> int:
        return max(self.samples[sample:])

    @classmethod
    @contextmanager
    def of(cls, pid: int) -> Iterator[Sampler]:
        sampler = cls(pid)
        sampler.start()
        try:
            yield sampler
        finally:
            sampler._over.set()
            sampler.join()


class Source:
    """The same windows of a fleet over and over: every message is as large as a worker gets them, and few of the rows are new."""

    def __init__(self, bootstrap: str) -> None:
        self.ledger = Ledger(Shape(7, half_an_hour_ago_us(), NODES, FLOWS_EACH, FLOWS_EACH))
        self._framer = Framer()
        self._producer = Producer({"bootstrap.servers": bootstrap, **PRODUCER})
        self._messages: list[tuple[bytes, bytes]] = []
        for window in range(WINDOWS):
            for node in range(NODES):
                batches = list(self.ledger.shape.batches(node, window))
                self.ledger.note(batches)
                self._messages += [(batch.node_id.encode(), self._framed(batch)) for batch in batches]

    def send(self, rounds: int) -> None:
        for _ in range(rounds):
            for key, value in self._messages:
                self._producer.produce(FLOWS_TOPIC, value, key)
            assert self._producer.flush(60) == 0, "Kafka did not take what was sent"

    def send_events(self) -> None:
        """More than wait for ClickHouse at once."""
        for number in range(EVENTS):
            ip = bytes(10) + b"\xff\xff" + bytes([10, 100, number // 256, number % 256])
            event = IpEvent("default", ip, f"lb-{number}", True, self.ledger.shape.start_us)
            self._producer.produce(IP_EVENTS_TOPIC, self._framer.frame("IpEvent", encode_ip_event(event)), f"default/{number}".encode())
        assert self._producer.flush(60) == 0, "Kafka did not take what was sent"

    def mark(self, mark: int) -> set[str]:
        """A last word in every partition, of which those who learn tell others. Returns the nodes that say it."""
        last = self.ledger.shape.last_word(0, WINDOWS)
        for partition in range(PARTITIONS):
            ip = parse_addresses([f"10.99.{mark}.{partition}"])
            held = replace(next(iter(self.ledger.shape.batches(0, WINDOWS))).heartbeats, ip=ip)
            one = {name: getattr(held, name)[:1] for name in ("workload", "port", "protocol", "start_us", "end_us")}
            said = replace(last, node_id=f"mark-{mark}-{partition}", workloads=("mark",), heartbeats=replace(held, **one))
            self._producer.produce(FLOWS_TOPIC, self._framed(said), said.node_id.encode(), partition=partition)
        assert self._producer.flush(60) == 0, "Kafka did not take what was sent"
        return {f"mark-{mark}-{partition}" for partition in range(PARTITIONS)}

    def _framed(self, batch: FlowBatch) -> bytes:
        return self._framer.frame("FlowBatch", encode_batch(batch))


def told(bootstrap: str) -> set[str]:
    """Names of which changes have been published: of nodes, networks and workloads."""
    names: set[str] = set()
    for message in read_topic(bootstrap, OWNERSHIP_TOPIC):
        framed = unframe(message.value() or b"")
        if framed.name == "OwnershipChanges":
            names.update(decode_changes(framed.body, framed.writer).names)
    return names


def fills(port: int) -> dict[str, float]:
    return {bound: float(share) for bound, share in BOUND.findall(ask(port, "/metrics")[1])}


def test_a_worker_without_clickhouse_holds_no_more_than_its_bounds(clean_kafka: str, host: EngineHost, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    more = {"hold_seconds": 1, "session_seconds": 15, "block_flows": 20_000, "metrics_port": port}
    pipeline = Pipeline(clean_kafka, host.url, tmp_path, more)
    run_weir("topics", settings=pipeline.settings)
    source = Source(clean_kafka)
    with pipeline.worker() as worker, Sampler.of(worker.pid) as memory:
        source.mark(0)
        pipeline.wait_until_read(worker)  # the partitions have been opened, which takes the tables
        host.kill()

        def learned(nodes: set[str]) -> bool:
            return nodes <= told(clean_kafka)

        def peak(mark: int) -> int:
            """What the worker held at most while it read so many rounds more."""
            before = len(memory.samples)
            source.send(ROUNDS)
            nodes = source.mark(mark)
            worker.until(lambda: fills(port).get("queue", 0) >= 1 and learned(nodes), 120, "all to be read ahead, and the queue to be full")
            return memory.peak_since(before)

        source.send_events()
        # The queue fills during the first rounds, and with it what the allocator keeps: only then is there something to compare with.
        peaks = [peak(mark) for mark in (1, 2, 3)]
        full, said = fills(port), ", ".join(f"{one / MB:.0f} MB" for one in peaks)
        print(f"RSS: {memory.samples[0] / MB:.0f} MB at the start, then {said}; {full}")  # noqa: T201
        assert peaks[2] <= peaks[1] + GROWTH and max(peaks) <= CEILING, said
        assert set(full) == set(get_args(metrics.Bound))
        assert all(share <= 1.5 for share in full.values()), full
        begun = time.monotonic()
        host.start()
        pipeline.wait_until_read(worker, 120)
        print(f"caught up in {time.monotonic() - begun:.0f} s, {memory.peak_since() / MB:.0f} MB at most")  # noqa: T201
        worker.stop()
    _assert_once(pipeline, source)


def _assert_once(pipeline: Pipeline, source: Source) -> None:
    with pipeline.sink() as sink:
        sums = ", ".join(f"sum({name})" for name in SUMMED)
        found = rows(sink, f"SELECT toUnixTimestamp(window_start), node_id, count(), {sums} FROM weir.flows GROUP BY 1, 2")  # noqa: S608
        assert {(row[0], row[1]): row[2:] for row in found} == source.ledger.flows
        assert_rollups_follow(sink)
        (events,) = rows(sink, "SELECT uniqExact(ip, workload) FROM weir.ip_events")
        assert events == (EVENTS,)
