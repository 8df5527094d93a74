"""Who reads a node's batches, and who names flows to it, are two workers: zones and regions of remote ends over a real Kafka.

Nodes of three zones in two regions, of which one moves; addresses change hands and nodes. Bytes by pair of zones are exact.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from schemas.records.flow_batch import FlowBatch
from streams.attribution import places
from streams.attribution.attribute import Endpoints, attribute
from streams.ownership.intervals import NOBODY
from tests.bench.knowledge.fleet import address_bytes
from tests.bench.knowledge.worker import Knowing
from tests.integration.side_by_side import PARTITIONS, SideBySide, number_of, partition_of
from tests.support.processes import run_weir

MOVER, MOVES = 4, 3
"""The node that is in another zone and region from this window on."""
Pair = tuple[str, str, str]
"""Zone of the local end, zone and region of the remote end."""


def zone_and_region(node: int, window: int) -> tuple[str, str]:
    place = node + 1 if node == MOVER and window >= MOVES else node
    return "abc"[place % 3], ("eu", "us")[place % 2]


@dataclass
class Traffic:
    """What was sent, and by whom each address was held at the end of each window: all flows lie behind a window's changes."""

    workers: SideBySide
    sent: list[FlowBatch] = field(default_factory=list)
    holders: dict[tuple[int, bytes], int] = field(default_factory=dict)

    def dress(self, batch: FlowBatch) -> FlowBatch:
        window, node = self._window(batch), number_of(batch.node_id)
        zone, region = zone_and_region(node, window)
        row = np.arange(len(batch.flows))
        remote = address_bytes((node * 31 + window * 17 + row * 29) % self.workers.fleet.shape.addresses)
        counted = (7_919 * (1 + row) + node * 104_729 + window * 13).astype(np.uint64)
        batch = replace(batch, zone=zone, region=region, flows=replace(batch.flows, remote_ip=remote, bytes_sent=counted))
        self.sent.append(batch)
        held = batch.heartbeats.ip[batch.heartbeats.end_us == batch.window_end_us]
        self.holders |= {(window, ip.tobytes()): node for ip in held}
        return batch

    def truth(self, windows: Collection[int]) -> Counter[Pair]:
        """Bytes by pair, as they were sent in these windows."""
        sums: Counter[Pair] = Counter()
        for batch in self.sent:
            window = self._window(batch)
            if window in windows:
                for ip, sent in zip(batch.flows.remote_ip, batch.flows.bytes_sent.tolist(), strict=True):
                    sums[batch.zone, *zone_and_region(self.holders[window, ip.tobytes()], window)] += sent
        return sums

    def found(self, reads: dict[Knowing, tuple[int, ...]], windows: Collection[int]) -> Counter[Pair]:
        """The same as the workers have it, each of the flows of the partitions that it reads."""
        sums: Counter[Pair] = Counter()
        for worker, partitions in reads.items():
            for batch in self.sent:
                if partition_of(batch.node_id) in partitions and self._window(batch) in windows:
                    sums += self._named(worker, batch, self._window(batch))
        return sums

    def _named(self, worker: Knowing, batch: FlowBatch, window: int) -> Counter[Pair]:
        flows, rows = batch.flows, len(batch.flows)
        ends = Endpoints(
            ("default",),
            np.zeros(rows, np.uint32),
            flows.remote_ip,
            flows.protocol,
            flows.service_port,
            np.ones(rows, np.bool_),
            flows.first_seen_us,
            flows.last_seen_us,
        )
        with worker.store.reading() as known:
            named = attribute(known, ends)
            assert (named.owner != NOBODY).all()
            where = places.of(known, named, flows.first_seen_us, flows.last_seen_us)
        columns = ([column.texts[number] for number in column.numbers.tolist()] for column in where)
        sums: Counter[Pair] = Counter()
        for ip, sent, node, zone, region in zip(flows.remote_ip, flows.bytes_sent.tolist(), *columns, strict=True):
            assert number_of(node) == self.holders[window, ip.tobytes()]
            sums[batch.zone, zone, region] += sent
        return sums

    def _window(self, batch: FlowBatch) -> int:
        fleet = self.workers.fleet
        return (batch.window_start_us - fleet.start_us) // (fleet.window_us(1) - fleet.start_us)


@pytest.fixture
def traffic(clean_kafka: str) -> Traffic:
    run_weir("topics", "--flow-partitions", str(PARTITIONS), settings={"kafka_bootstrap": clean_kafka})
    made = Traffic(SideBySide(clean_kafka))
    made.workers.dress = made.dress
    return made


def test_the_zones_of_remote_ends_that_other_workers_read(traffic: Traffic) -> None:
    """Before and after a node has moved, in those that read its batches, in those that do not, and in one that comes later."""
    workers = traffic.workers
    with ExitStack() as stack:
        one, other = (stack.enter_context(workers.new_worker(name)) for name in ("one", "other"))
        workers.share((one, (0, 1)), (other, (2,)))
        workers.windows(6)
        assert traffic.found({one: (0, 1), other: (2,)}, range(6)) == traffic.truth(range(6))
        assert len(traffic.truth(range(6))) == 18, "every zone to every zone of both regions"
        late = stack.enter_context(workers.new_worker("late"))
        workers.share((late, (0,)), (one, (1,)))
        workers.windows(2)
        for names in ({late: (0,), one: (1,), other: (2,)}, {late: (0, 1, 2)}):
            assert traffic.found(names, range(8)) == traffic.truth(range(8))


def test_beside_a_worker_of_before(traffic: Traffic) -> None:
    """It tells nothing of its nodes: flows to them have a node and no zone. Once a worker of today reads them, they have."""
    workers = traffic.workers
    with ExitStack() as stack:
        with workers.old_worker("old") as old:
            new = stack.enter_context(workers.new_worker("new"))
            workers.share((old, (2,)), (new, (0, 1)))
            workers.windows(3)
            workers.assert_none_wrong()
            found, truth = traffic.found({new: (0, 1, 2)}, range(3)), traffic.truth(range(3))
            told = {pair: sent for pair, sent in found.items() if pair[1]}
            assert 0 < sum(told.values()) < sum(found.values()) == sum(truth.values())
            assert all(sent <= truth[pair] for pair, sent in told.items())
        workers.share((new, (0, 1, 2)))
        workers.windows(2)
        assert traffic.found({new: (0, 1, 2)}, range(3, 5)) == traffic.truth(range(3, 5))
