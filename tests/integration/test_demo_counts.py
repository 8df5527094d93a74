"""`weir demo --no-traffic --cgroup P`: loopback traffic of P, given back to the byte by `weir query`.

Both ends in P, or one of them; long-lived servers, and clients that live for one call in a cgroup of their own below P.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bpf.cgroup import find_cgroup2
from tests.bpf.support import answer, command
from tests.demo.running import ask, start
from tests.support.processes import PATIENCE
from tests.support.traffic import SIZES

ENTER = 'echo $$ > "$0/cgroup.procs" && exec "$@"'
HOSTS = ("127.0.0.1", "::1")
WITHIN, THEIRS, OURS = 20_101, 20_107, 20_113  # below every ephemeral port: server and clients in P, only clients, only the server
JOBS = 13
REQUEST, RESPONSE, CONNECTIONS = 7919, 104_729, 23
DATAGRAMS, SIZE = 101, 997
LARGEST_SEGMENT = 65_535
WIRE = (
    "sum(bytes_sent) AS bytes_sent, sum(packets_sent) AS packets_sent,"
    " sum(bytes_received) AS bytes_received, sum(packets_received) AS packets_received"
)


@dataclass(frozen=True)
class Counted:
    """A demo that has ended: where its tables are, and how many segments this network namespace sent again meanwhile."""

    data: Path
    sent_again: int


def run_in(cgroup: Path | None, *arguments: object, **options: Any) -> subprocess.Popen[str]:
    """Traffic in a cgroup from its first instruction on, or where the test itself is."""
    enter = [] if cgroup is None else ["bash", "-c", ENTER, str(cgroup)]
    return subprocess.Popen([*enter, *command(*arguments)], stdout=subprocess.PIPE, text=True, **options)


def finish(process: subprocess.Popen[str]) -> None:
    with process:
        assert process.wait(30 * PATIENCE) == 0


@pytest.fixture(scope="module")
def watched() -> Iterator[Path]:
    """P, empty."""
    path = find_cgroup2() / f"weir-demo-counts-{os.getpid()}"
    path.mkdir()
    yield path
    for directory, _, _ in os.walk(path, topdown=False):
        os.rmdir(directory)


@pytest.fixture(scope="module")
def counted(watched: Path, tmp_path_factory: pytest.TempPathFactory) -> Counted:
    data = tmp_path_factory.mktemp("counts")
    server, clients = watched / "server", watched / "clients"
    for cgroup in (server, clients):
        cgroup.mkdir()
    before = sent_again()
    with ExitStack() as stack, start(data, "--no-traffic", "--cgroup", str(watched)) as demo:
        demo.line(r"^One agent counts in", 60)
        for place, port in ((server, WITHIN), (None, THEIRS), (server, OURS)):
            listening = stack.enter_context(run_in(place, "serve", port))
            stack.callback(listening.kill)
            answer(listening)
        for place, port in ((clients, WITHIN), (clients, THEIRS), (None, OURS)):
            calls(place, port)
        jobs(watched)
        demo.signal(signal.SIGINT)
        demo.wait(60)
    return Counted(data, sent_again() - before)


def sent_again() -> int:
    """By anybody: where only one end is in P, what the other sends again arrives there, and no row says that it did."""
    names, counts = (line.split() for line in Path("/proc/net/snmp").read_text().splitlines() if line.startswith("Tcp:"))
    return int(counts[names.index("RetransSegs")])


def calls(cgroup: Path | None, port: int) -> None:
    for host in HOSTS:
        finish(run_in(cgroup, "tcp", host, port, CONNECTIONS, REQUEST, RESPONSE))
        finish(run_in(cgroup, "udp", host, port, DATAGRAMS, SIZE))


def jobs(watched: Path) -> None:
    """Each in a cgroup that is there for one call only."""
    for number in range(JOBS):
        cgroup = watched / f"job-{number}"
        cgroup.mkdir()
        finish(run_in(cgroup, "tcp", HOSTS[number % 2], WITHIN, 1, 509, 1_000_003))
        cgroup.rmdir()


def sums(data: Path, protocol: str, port: int) -> Mapping[tuple[str, str], tuple[int, ...]]:
    """(role, remote address) to payload sent and received, connections opened and closed, segments sent again."""
    columns = ("payload_bytes_sent", "payload_bytes_received", "connections_opened", "connections_closed", "retransmits")
    listed = ", ".join(f"sum({column}) AS s{number}" for number, column in enumerate(columns))
    rows = ask(
        data,
        "SELECT role, replaceOne(toString(remote_ip), '::ffff:', '') AS host,"  # noqa: S608
        f" {listed} FROM weir.flows WHERE protocol = '{protocol}' AND service_port = {port} GROUP BY ALL",
    )
    return {(row["role"], row["host"]): tuple(row[f"s{number}"] for number in range(len(columns))) for row in rows}


def expected(there: int, back: int, connections: int, roles: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    both = {"client": (there, back, connections, connections), "server": (back, there, connections, connections)}
    return {role: both[role] for role in roles}


PLACES = pytest.mark.parametrize(
    ("port", "roles"),
    [
        pytest.param(WITHIN, ("client", "server"), id="both ends"),
        pytest.param(THEIRS, ("client",), id="only clients"),
        pytest.param(OURS, ("server",), id="only the server"),
    ],
)


@PLACES
def test_connections(counted: Counted, port: int, roles: tuple[str, ...]) -> None:
    wanted: dict[tuple[str, str], tuple[int, ...]] = {}
    for number, host in enumerate(HOSTS):
        more = len(range(number, JOBS, 2)) if port == WITHIN else 0
        there = CONNECTIONS * (REQUEST + SIZES.size) + more * (509 + SIZES.size)
        back = CONNECTIONS * RESPONSE + more * 1_000_003
        wanted |= {(role, host): counts for role, counts in expected(there, back, CONNECTIONS + more, roles).items()}
    found = sums(counted.data, "tcp", port)
    assert {end: counts[2:4] for end, counts in found.items()} == {end: counts[2:] for end, counts in wanted.items()}
    for place, counts in found.items():
        for seen, sent in zip(counts[:2], wanted[place], strict=False):
            assert 0 <= seen - sent <= counted.sent_again * LARGEST_SEGMENT, place  # a late acknowledgement: it did go twice


@PLACES
def test_datagrams(counted: Counted, port: int, roles: tuple[str, ...]) -> None:
    total = DATAGRAMS * SIZE
    wanted = {(role, host): (*counts, 0) for host in HOSTS for role, counts in expected(total, total, 0, roles).items()}
    assert sums(counted.data, "udp", port) == wanted


def test_datagrams_on_the_wire(counted: Counted) -> None:
    """Headers and packets, which a datagram's size alone decides."""
    rows = ask(counted.data, f"SELECT {WIRE}, service_port, role FROM weir.flows WHERE protocol = 'udp' GROUP BY service_port, role")  # noqa: S608
    assert len(rows) == 4
    wire = DATAGRAMS * (2 * SIZE + 28 + 48)
    for row in rows:
        assert (row["bytes_sent"], row["bytes_received"]) == (wire, wire), row
        assert (row["packets_sent"], row["packets_received"]) == (2 * DATAGRAMS, 2 * DATAGRAMS), row


def test_what_one_end_sent_the_other_received(counted: Counted) -> None:
    """On the wire, segments sent again and all, where both ends are in P."""
    client, server = ask(counted.data, f"SELECT {WIRE} FROM weir.flows WHERE service_port = {WITHIN} GROUP BY role ORDER BY role")  # noqa: S608
    assert (client["bytes_sent"], client["packets_sent"]) == (server["bytes_received"], server["packets_received"])
    assert (client["bytes_received"], client["packets_received"]) == (server["bytes_sent"], server["packets_sent"])


def test_nobody_elses_traffic_is_there_and_nothing_is_lost(counted: Counted) -> None:
    assert ask(counted.data, "SELECT DISTINCT service_port FROM weir.flows ORDER BY service_port") == [
        {"service_port": port} for port in (WITHIN, THEIRS, OURS)
    ]
    assert ask(counted.data, "SELECT * FROM weir.losses") == []


def test_servers_and_clients_are_named_after_their_cgroups(counted: Counted) -> None:
    rows = ask(counted.data, f"SELECT DISTINCT role, local_workload FROM weir.flows WHERE service_port <> {WITHIN} ORDER BY role")  # noqa: S608
    assert [(row["role"], row["local_workload"]) for row in rows] == [("client", "clients"), ("server", "server")]
