"""Who is the server of a UDP flow, and which port is the service's: one answer at both ends, and one flow however many sockets ask."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bpf import compiler, pins, sources, syscalls
from bpf.probe import DOMAIN_ENTRIES, Drained, open_probe, remove_probe
from schemas.errors import CaptureError
from tests.bpf.conftest import Pair
from tests.bpf.support import CLIENT, SERVER, UDP, UNKNOWN, command, drain, flows_of, traffic
from weir.lab import Lab, Pod

NOT_BOUND, OF_THE_KERNEL = -1, 0
FAMILIES = ("ipv4", "ipv6", "mapped")
Ends = tuple[list[tuple[int, int]], list[tuple[int, int]]]


def address(pod: Pod, family: str) -> str:
    return f"::ffff:{pod.ipv4}" if family == "mapped" else str(getattr(pod, family))


@contextmanager
def answering(pod: Pod, *arguments: object) -> Iterator[int]:
    """A server of traffic.py; its port."""
    process = pod.popen(command(*arguments), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield int(process.stdout.readline())
    process.kill()
    process.wait()


@contextmanager
def port_range(pod: Pod, low: int, high: int) -> Iterator[None]:
    """From where the kernel takes the pod's ports."""
    pod.run(["sysctl", "-q", "-w", f"net.ipv4.ip_local_port_range={low} {high}"])
    yield
    pod.run(["sysctl", "-q", "-w", "net.ipv4.ip_local_port_range=32768 60999"])


def ends(drained: Drained, client: Pod, server: Pod) -> Ends:
    """(service port, role) of each UDP flow, of either end."""
    of_client, of_server = (sorted((f.port, f.role) for f in flows_of(drained, pod) if f.protocol == UDP) for pod in (client, server))
    return of_client, of_server


def served(port: int) -> Ends:
    return [(port, CLIENT)], [(port, SERVER)]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("connected", [False, True])
@pytest.mark.parametrize("own_port", [NOT_BOUND, OF_THE_KERNEL, 33_011, 60_007])
def test_who_is_asked_is_the_server_whatever_the_ports(pair: Pair, own_port: int, connected: bool, family: str) -> None:
    pair.begin()
    with answering(pair.server, "answer", 50_021) as port, port_range(pair.client, 40_000, 40_999):
        traffic(pair.client, "ask", address(pair.server, family), port, 7, own_port, int(connected))
    assert ends(drain(pair.probe), pair.client, pair.server) == served(50_021)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_server_may_have_its_port_from_the_kernel(pair: Pair, family: str) -> None:
    pair.begin()
    with (
        port_range(pair.server, 40_000, 40_999),
        answering(pair.server, "answer", OF_THE_KERNEL) as port,
        port_range(pair.client, 33_000, 33_999),
    ):
        traffic(pair.client, "ask", address(pair.server, family), port, 7, NOT_BOUND, 0)
    assert ends(drain(pair.probe), pair.client, pair.server) == served(port)


@pytest.mark.parametrize("service", [53, 45_353])
def test_resolvers_that_bind_a_port_of_their_own_choice_are_clients(pair: Pair, service: int) -> None:
    """A flow whose service port was the resolver's would be a new one for each question."""
    pair.begin()
    with answering(pair.server, "answer", service) as port:
        for own_port in (33_331, 45_007, 61_333):
            traffic(pair.client, "ask", pair.server.ipv4, port, 23, own_port, 0)
            traffic(pair.client, "ask", pair.server.ipv6, port, 23, own_port, 1)
    of_client, of_server = ends(drain(pair.probe), pair.client, pair.server)
    assert (of_client, of_server) == ([(service, CLIENT)] * 2, [(service, SERVER)] * 2), "one an address"


@pytest.mark.parametrize("family", FAMILIES)
def test_connected_servers_stay_servers_though_their_sockets_send_first(pair: Pair, family: str) -> None:
    pair.begin()
    with answering(pair.server, "answer-connected", 30_011) as port:
        traffic(pair.client, "ask", address(pair.server, family), port, 7, NOT_BOUND, 0)
    assert ends(drain(pair.probe), pair.client, pair.server) == served(30_011)


def test_servers_that_share_a_port_are_servers(pair: Pair) -> None:
    pair.begin()
    with (
        answering(pair.server, "answer", 50_021) as port,
        answering(pair.server, "answer", 50_021),
        port_range(pair.client, 40_000, 40_999),
    ):
        traffic(pair.client, "ask", pair.server.ipv4, port, 23, NOT_BOUND, 1)
    assert ends(drain(pair.probe), pair.client, pair.server) == served(50_021)


def test_equal_ports_leave_the_role_open(pair: Pair) -> None:
    pair.begin()
    with answering(pair.server, "answer", 123) as port:
        traffic(pair.client, "ask", pair.server.ipv4, port, 1, 123, 0)
    assert ends(drain(pair.probe), pair.client, pair.server) == ([(123, UNKNOWN)], [(123, UNKNOWN)])


def test_a_time_server_asks_first_and_is_asked_then(pair: Pair) -> None:
    pair.begin()
    with answering(pair.server, "answer", 123), answering(pair.client, "answer-asking", 123, address(pair.server, "mapped"), 123) as port:
        traffic(pair.server, "ask", pair.client.ipv4, port, 23, NOT_BOUND, 0)
    of_asked, of_asker = ends(drain(pair.probe), pair.client, pair.server)
    assert of_asked == [(123, UNKNOWN), (123, SERVER)]
    assert of_asker == [(123, UNKNOWN), (123, CLIENT)]


@pytest.mark.parametrize(("asking", "asked"), [(5_000, 9_000), (9_000, 5_000), (20_000, 50_021), (50_021, 20_000)])
def test_where_one_port_is_low_both_ends_go_by_the_lower_one(pair: Pair, asking: int, asked: int) -> None:
    """Whoever bound what: so their roles match, and one of the two views counts."""
    pair.begin()
    with answering(pair.server, "answer", asked) as port:
        traffic(pair.client, "ask", pair.server.ipv4, port, 1, asking, 0)
    of_client, of_server = ends(drain(pair.probe), pair.client, pair.server)
    lower = min(asking, asked)
    assert (of_client, of_server) == (served(lower) if asked == lower else ([(lower, SERVER)], [(lower, CLIENT)]))


def test_a_well_known_port_is_the_services_whoever_asked(pair: Pair) -> None:
    """A forwarder asks from its own port, where it is asked, too: the two ends must not both be servers."""
    pair.begin()
    with answering(pair.server, "answer", 5_335) as upstream:
        traffic(pair.server, "ask", pair.server.ipv4, upstream, 1, NOT_BOUND, 0)
        with answering(pair.client, "answer-asking", 53, address(pair.server, "mapped"), upstream):
            of_forwarder, of_upstream = ends(drain(pair.probe), pair.client, pair.server)
    assert of_forwarder == [(53, SERVER)]
    assert [flow for flow in of_upstream if flow[0] == 53] == [(53, CLIENT)]


def test_one_socket_may_ask_many_ports(pair: Pair) -> None:
    pair.begin()
    pair.server.set_link(False)
    with port_range(pair.client, 33_000, 33_999):
        traffic(pair.client, "spray", pair.server.ipv4, 40_000, 23, 11)
    pair.server.set_link(True)
    of_client, _ = ends(drain(pair.probe), pair.client, pair.server)
    assert of_client == [(port, CLIENT) for port in range(40_000, 40_023)]


def test_a_port_that_was_taken_is_no_port_of_the_sockets(pair: Pair) -> None:
    """An attempt to bind that failed says nothing: what was bound in the end counts."""
    asks = (
        "import socket; taken = socket.socket(2, 2); taken.bind(('', 41001)); s = socket.socket(2, 2)\n"
        "try: s.bind(('', 41001))\nexcept OSError: s.bind(('', 41002))\n"
        f"s.sendto(b'asked', ('{pair.server.ipv4}', 50021)); s.recv(100)"
    )
    pair.begin()
    with answering(pair.server, "answer", 50_021):
        pair.client.run(["python3", "-S", "-c", asks])
    assert ends(drain(pair.probe), pair.client, pair.server) == served(50_021)


def test_sockets_older_than_the_programs_go_by_the_lower_port() -> None:
    with Lab("test-bpf-old-udp") as lab:
        client, server = lab.node("n1").pod("client"), lab.node("n2").pod("server")
        with answering(server, "answer", 50_021) as port:
            probe = open_probe(lab.cgroup)
            traffic(client, "ask", server.ipv4, port, 1, 60_007, 0)
            found = ends(drain(probe), client, server)
            lab.kill()
        probe.close()
        remove_probe(lab.cgroup)
    assert found == served(50_021)


OLD_KERNEL = "import sys; from bpf import compiler; compiler._udp_programs = lambda module: {}; sys.exit(compiler.main(sys.argv[1:]))"


def test_a_kernel_without_such_programs_counts_by_the_lower_port(monkeypatch: pytest.MonkeyPatch) -> None:
    def compile_for_an_old_kernel(cgroup: Path, directory: Path, *entries: int) -> None:
        done = subprocess.run([sys.executable, "-c", OLD_KERNEL, cgroup, directory, *map(str, entries)], capture_output=True, check=False)
        if done.returncode:
            raise CaptureError(done.stdout.decode())

    monkeypatch.setattr(pins, "compile_in_child", compile_for_an_old_kernel)
    with Lab("test-bpf-no-udp") as lab:
        client, server = lab.node("n1").pod("client"), lab.node("n2").pod("server")
        open_probe(lab.cgroup).close()
        probe = open_probe(lab.cgroup)
        assert probe.adopted
        assert not any((pins.home(lab.cgroup) / sources.stamp(65_536, DOMAIN_ENTRIES) / name).exists() for name in sources.UDP_PROGRAMS)
        fd = os.open(lab.cgroup, os.O_RDONLY)
        assert [len(syscalls.attached(fd, compiler.ATTACHMENTS[name])) for name in sources.UDP_PROGRAMS] == [0, 0, 0]
        os.close(fd)
        with answering(server, "answer", 50_021) as port, port_range(client, 40_000, 40_000):
            traffic(client, "ask", server.ipv4, port, 1, NOT_BOUND, 0)
        found = ends(drain(probe), client, server)
        lab.kill()
        probe.close()
        remove_probe(lab.cgroup)
    assert found == ([(40_000, SERVER)], [(40_000, CLIENT)])
