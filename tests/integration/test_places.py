"""Who reads a node's batches, and who names flows to it, are two workers: zones and regions of remote ends over a real Kafka.

Nodes of three zones in two regions, of which one moves; addresses change hands and nodes. Bytes by pair of zones are exact.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import orjson
import pytest

from schemas.records.flow_batch import FlowBatch
from streams.attribution import places
from streams.attribution.attribute import Endpoints, attribute
from streams.ownership.intervals import NOBODY
from tests.bench.knowledge.fleet import address_bytes
from tests.bench.knowledge.worker import Knowing
from tests.integration.made_recording import SECOND_US, half_an_hour_ago_us, instant
from tests.integration.pipeline_support import Pipeline, rows
from tests.integration.side_by_side import PARTITIONS, SideBySide, number_of, partition_of
from tests.support.clickhouse import EngineHost
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


ZONES = {0: "eu-a", 1: "eu-a", 2: "eu-b", 3: "eu-b", 4: "eu-c", 5: "eu-c", 6: "us-a", 7: "us-a"}
WINDOWS, MOVED, MOVES_AT = 6, 3, 3
"""Node 3 is in eu-c from its fourth window on."""


def zone_of(node: int, window: int) -> str:
    return "eu-c" if node == MOVED and window >= MOVES_AT else ZONES[node]


def recorded(start_us: int) -> tuple[list[bytes], Counter[tuple[str, str, str, str]]]:
    """Lines, window by window, in which every node talks to every address; and bytes by local zone, remote zone, region and node."""
    lines, truth = list[bytes](), Counter[tuple[str, str, str, str]]()
    for window in range(WINDOWS):
        for node in ZONES:
            zone = zone_of(node, window)
            begin_us = start_us + window * 10 * SECOND_US
            of: dict[str, object] = {"node_id": f"n{node}", "epoch": 1, "window_start": instant(begin_us), "window_seconds": 10}
            of["region"] = zone[:2]
            held = [{"ip": f"10.0.{node}.{number}", "workload": f"app-{node}"} for number in range(3)]
            lines.append(orjson.dumps({"kind": "heartbeat", **of, "zone": zone, "addresses": held}))
            for other in ZONES:
                sent = 7_919 * (1 + node) + 104_729 * other + window
                truth[zone, zone_of(other, window), zone_of(other, window)[:2], f"n{other}"] += sent
                seen = {"first_seen": instant(begin_us + 3 * SECOND_US), "last_seen": instant(begin_us + 4 * SECOND_US)}
                flow = {"local_ip": f"10.0.{node}.0", "remote_ip": f"10.0.{other}.1", "protocol": "tcp", "service_port": 443}
                named = {"role": "client", "local_workload": f"app-{node}", "local_zone": zone, "bytes_sent": sent}
                lines.append(orjson.dumps({"kind": "flow", **of, **seen, **flow, **named}))
    return lines, truth


def test_two_workers_write_the_zones_of_both_ends(clean_kafka: str, host: EngineHost, tmp_path: Path) -> None:
    """From a recording to the tables."""
    lines, truth = recorded(half_an_hour_ago_us())
    pipeline = Pipeline(clean_kafka, host.url, tmp_path, {"region": "eu"})
    run_weir("topics", "--flow-partitions", "8", settings=pipeline.settings)
    with pipeline.worker(r"assigned partitions \[\d") as one, pipeline.worker(r"assigned partitions \[\d"):
        pipeline.replay(pipeline.write("nodes.jsonl", lines))
        pipeline.wait_until_read(one)
    with pipeline.sink() as sink:
        flows = rows(sink, "SELECT local_zone, remote_zone, remote_region, remote_node_id, sum(bytes_sent) FROM weir.flows GROUP BY ALL")
        assert {row[:4]: row[4] for row in flows} == truth
        edges = rows(sink, "SELECT client_zone, server_zone, server_region, sum(bytes_sent) FROM weir.edges_5m GROUP BY ALL")
        by_zones: Counter[tuple[str, str, str]] = Counter()
        for (local, remote, region, _), sent in truth.items():
            by_zones[local, remote, region] += sent
        assert {row[:3]: row[3] for row in edges} == by_zones
        nodes = rows(sink, "SELECT node_id, argMax(zone, last_seen), argMax(region, last_seen) FROM weir.nodes GROUP BY node_id")
        assert {row[0]: row[1:] for row in nodes} == {f"n{node}": (zone_of(node, WINDOWS), zone_of(node, WINDOWS)[:2]) for node in ZONES}
