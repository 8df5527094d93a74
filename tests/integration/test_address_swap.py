"""Two pods swap their addresses every few seconds under constant traffic; a worker is killed meanwhile, and another joins.

Every view of every flow must carry the workload that had the address then, or none with a reason. Who that was is known twice:
from the swaps' own commands, and from the answers, which say who gave them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest

from sinks.open import open_sink
from tests.bpf.support import answer, start, traffic
from tests.integration.pipeline_support import ASSIGNED
from tests.integration.road import START_SECONDS, Road
from tests.support.clickhouse import EngineHost
from tests.support.kafka import delete_all_topics
from tests.support.processes import PATIENCE, Child
from tests.support.traffic import SIZES
from weir.lab import Lab, Pod

X, Y = "10.77.200.1", "10.77.200.2"
SWAPS, CALM_SECONDS = 7, 4.3
DATAGRAM, PAUSE_MS, UDP_PORT, TCP_PORT = 101, 13, 5_300, 80
CONNECTIONS, REQUEST, RESPONSE = 7, 7_919, 10_007
REASONS = {"gap", "ambiguous", "unknown"}
SCRIPT = Path(__file__).with_name("swap_traffic.py")


class TwoWorkers(Road):
    """Workers that share tables behind the native protocol, and come and go."""

    def __init__(self, kafka: str, directory: Path, url: str, **settings: object) -> None:
        super().__init__(kafka, directory, clickhouse_url=url, hold_seconds=6, session_seconds=2, **settings)
        self._url = url

    def __enter__(self) -> Self:
        delete_all_topics(self._kafka)
        for number in (1, 2):
            self.start_worker(number).line(ASSIGNED, START_SECONDS)
        return self

    def start_worker(self, number: int) -> Child:
        return self._start("worker", f"worker-{number}", {})

    def kill_worker(self, number: int) -> None:
        self._processes[f"worker-{number}"].kill()

    def worker_of(self, node: str) -> int:
        """The number of the worker that was last assigned the partition of a node."""
        (row,) = self.ask(f"SELECT any(partition) AS partition FROM weir.batches WHERE node_id = '{node}'")  # noqa: S608
        said = {number: self._processes[f"worker-{number}"].stderr for number in (1, 2)}
        (found,) = (
            n for n, text in said.items() if row["partition"] in json.loads(text.rpartition("assigned partitions ")[2].split(" of")[0])
        )
        return found

    def ask(self, sql: str) -> list[dict[str, Any]]:
        sink = open_sink(self._url, read_only=True)
        try:
            rows: list[dict[str, Any]] = sink.query(sql).to_pylist()
            return rows
        finally:
            sink.close()

    def stop(self) -> None:
        for process in reversed(self._processes.values()):
            if process.running():
                process.stop()


@dataclass
class Tenure:
    """`owner` may have had the address from the first instant to the last: from before it was given until after it was taken."""

    owner: str
    from_us: int
    until_us: int = 1 << 62


@dataclass
class Truth:
    """Who had which address when, which exchanges there were, and what each end's sockets counted."""

    tenures: dict[str, list[Tenure]] = field(default_factory=lambda: {X: [], Y: []})
    answers: list[tuple[int, int, str, str]] = field(default_factory=list)  # asked at, answered at, address, by whom
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    exchanges: dict[tuple[str, str], int] = field(default_factory=dict)  # (address, owner): TCP

    def give(self, address: str, pod: Pod) -> None:
        self.tenures[address].append(Tenure(pod.workload, _now_us()))
        pod.add_address(address)

    def take(self, address: str, pod: Pod) -> None:
        pod.remove_address(address)
        self.tenures[address][-1].until_us = _now_us()

    def owners(self, address: str, first_us: int, last_us: int) -> set[str]:
        """Who may have had it all that time."""
        return {held.owner for held in self.tenures[address] if held.from_us <= first_us and last_us <= held.until_us}

    def answered(self, address: str, first_us: int, last_us: int) -> set[str]:
        return {name for asked, got, ip, name in self.answers if ip == address and first_us <= asked and got <= last_us}


@dataclass
class Swapped:
    """The end of the scenario."""

    road: TwoWorkers
    truth: Truth
    caller: Pod
    fixed: dict[str, str]  # addresses that stay with their pods

    @property
    def rows(self) -> list[dict[str, Any]]:
        columns = ", ".join(
            (
                "replaceRegexpOne(toString(local_ip), '^::ffff:', '') AS local",
                "replaceRegexpOne(toString(remote_ip), '^::ffff:', '') AS remote",
                "toUnixTimestamp64Micro(first_seen) AS first_us, toUnixTimestamp64Micro(last_seen) AS last_us",
                "node_id, protocol, role, service_port, local_workload, remote_workload, remote_source, remote_reason, canonical",
                "packets_sent, packets_received, payload_bytes_sent, payload_bytes_received, connections_opened, retransmits",
            )
        )
        return self.road.ask(f"SELECT {columns} FROM weir.flows ORDER BY first_us")  # noqa: S608


@pytest.fixture(scope="module")
def swapped(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swapped]:
    directory, truth = tmp_path_factory.mktemp("swap"), Truth()
    with Lab("swap") as lab, EngineHost(directory / "engine") as host:
        nodes = [lab.node(name) for name in ("n1", "n2", "n3")]
        red, blue, caller = (node.pod(name) for node, name in zip(nodes, ("red", "blue", "caller"), strict=True))
        truth.give(X, red)
        truth.give(Y, blue)
        for pod in (red, blue):
            start(pod, "serve", TCP_PORT)
        start(caller, "serve", TCP_PORT)  # somebody is at home all the time
        with TwoWorkers(kafka, directory, host.url) as road:
            road.start_agents(nodes)
            road.await_tables()  # who is where has been known for longer than clocks may differ
            _live_through(road, truth, red, blue, caller, directory / "answers")
            road.await_tables()
            yield Swapped(road, truth, caller, {pod.ipv4: pod.workload for pod in (red, blue, caller)})
            road.stop()
        lab.kill()


def _live_through(road: TwoWorkers, truth: Truth, red: Pod, blue: Pod, caller: Pod, log: Path) -> None:
    ends = {pod.workload: _script(pod, "serve", pod.workload, UDP_PORT, X, Y) for pod in (red, blue)}
    asker = _script(caller, "ask", UDP_PORT, DATAGRAM, PAUSE_MS, log, X, Y)
    holders = {X: red, Y: blue}
    for swap in range(SWAPS):
        begun = time.monotonic()
        for address, pod in (*holders.items(), *((pod.ipv4, pod) for pod in (red, blue))):
            traffic(caller, "tcp", address, TCP_PORT, CONNECTIONS, REQUEST, RESPONSE)
            truth.exchanges[address, pod.workload] = truth.exchanges.get((address, pod.workload), 0) + CONNECTIONS
        if swap == SWAPS // 3:
            road.kill_worker(road.worker_of("n1"))
        if swap == 2 * SWAPS // 3:
            road.start_worker(3)
        time.sleep(max(0.0, begun + CALM_SECONDS - time.monotonic()))  # what passes here is time under traffic
        for address, pod in holders.items():
            truth.take(address, pod)
        holders = {X: holders[Y], Y: holders[X]}
        for address, pod in holders.items():
            truth.give(address, pod)
    truth.counts = {name: _ended(process) for name, process in {"caller": asker, **ends}.items()}
    for line in log.read_text().splitlines():
        asked, got, address, name = line.split()
        truth.answers.append((int(asked), int(got), address, name))


def _script(pod: Pod, *arguments: object) -> subprocess.Popen[str]:
    argv = [sys.executable, "-S", str(SCRIPT), *map(str, arguments)]
    process = pod.popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert answer(process) == "ready"
    return process


def _ended(process: subprocess.Popen[str]) -> dict[str, int]:
    said, _ = process.communicate(timeout=30 * PATIENCE)
    counts: dict[str, int] = json.loads(said)
    return counts


def _now_us() -> int:
    return time.time_ns() // 1_000


@pytest.fixture(scope="module")
def rows(swapped: Swapped) -> list[dict[str, Any]]:
    return swapped.rows


def test_no_name_is_wrong(swapped: Swapped, rows: list[dict[str, Any]]) -> None:
    truth, wrong = swapped.truth, []
    for row in rows:
        for ip, name in ((row["local"], row["local_workload"]), (row["remote"], row["remote_workload"])):
            if name and ip in truth.tenures:
                right = name in truth.owners(ip, row["first_us"], row["last_us"])
                if ip == row["remote"] and row["protocol"] == "udp":
                    right &= truth.answered(ip, row["first_us"], row["last_us"]) <= {name}
            else:
                right = name in ("", swapped.fixed.get(ip))
            if not right:
                wrong.append((ip, name, row))
    assert wrong == [], f"{len(wrong)} of {len(rows)}\n{swapped.road.report()}"


def test_whoever_has_no_name_has_a_reason(rows: list[dict[str, Any]]) -> None:
    assert {row["remote_reason"] for row in rows if not row["remote_workload"]} <= REASONS
    assert {row["remote_source"] for row in rows if row["remote_workload"]} == {"heartbeat"}
    assert all(row["local_workload"] for row in rows)


def test_most_flows_are_named(rows: list[dict[str, Any]]) -> None:
    """A swap leaves no name to the window that it falls into, nor to what clocks could have put there."""
    floating = [row for row in rows if row["remote"] in (X, Y)]
    named = [row for row in floating if row["remote_workload"]]
    assert {row["remote_workload"] for row in named} == {"red", "blue"}
    assert {(row["remote"], row["remote_workload"]) for row in named} == {(ip, name) for ip in (X, Y) for name in ("red", "blue")}
    assert len(named) / len(floating) > 0.4
    settled = [row for row in rows if row["remote"] not in (X, Y)]
    assert sum(bool(row["remote_workload"]) for row in settled) / len(settled) > 0.9


def test_datagrams_are_those_of_the_sockets(swapped: Swapped, rows: list[dict[str, Any]]) -> None:
    counts = swapped.truth.counts
    for ip in (X, Y):
        seen = [row for row in rows if row["remote"] == ip and row["protocol"] == "udp"]
        assert _sum(seen, "packets_sent", "packets_received") == (counts["caller"][f"{ip} asked"], counts["caller"][f"{ip} answered"])
        for name in ("red", "blue"):
            seen = [row for row in rows if (row["local"], row["local_workload"], row["protocol"]) == (ip, name, "udp")]
            assert _sum(seen, "packets_received", "packets_sent") == (counts[name][f"{ip} received"], counts[name][f"{ip} answered"])
            assert _sum(seen, "payload_bytes_received") == (counts[name][f"{ip} received"] * DATAGRAM,)


def test_connections_are_those_of_the_sockets(swapped: Swapped, rows: list[dict[str, Any]]) -> None:
    tcp = [row for row in rows if row["protocol"] == "tcp"]
    (again,) = _sum(tcp, "retransmits")  # the kernel takes a late acknowledgement for a loss now and then, and sends twice
    for (ip, owner), exchanges in swapped.truth.exchanges.items():
        seen = [row for row in tcp if (row["local"], row["local_workload"]) == (ip, owner)]
        _assert_exchanged(seen, ("payload_bytes_received", "payload_bytes_sent"), exchanges, again)
    for ip in {ip for ip, _ in swapped.truth.exchanges}:
        exchanges = sum(n for (address, _), n in swapped.truth.exchanges.items() if address == ip)
        _assert_exchanged([row for row in tcp if row["remote"] == ip], ("payload_bytes_sent", "payload_bytes_received"), exchanges, again)


def _assert_exchanged(seen: list[dict[str, Any]], columns: tuple[str, str], exchanges: int, again: int) -> None:
    assert _sum(seen, "connections_opened") == (exchanges,)
    for found, wanted in zip(_sum(seen, *columns), (exchanges * (REQUEST + SIZES.size), exchanges * RESPONSE), strict=True):
        assert 0 <= found - wanted <= again * RESPONSE


def test_the_callers_view_counts_and_no_other(rows: list[dict[str, Any]]) -> None:
    assert {row["local_workload"] for row in rows if row["canonical"]} == {"caller"}
    assert all(row["canonical"] for row in rows if row["local_workload"] == "caller")


def test_nothing_is_lost(swapped: Swapped) -> None:
    assert swapped.road.ask("SELECT * FROM weir.losses") == []


def _sum(rows: list[dict[str, Any]], *columns: str) -> tuple[int, ...]:
    return tuple(sum(row[name] for row in rows) for name in columns)
