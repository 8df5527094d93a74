"""From a name server's answer to the name in a batch: real kernel, real agent."""

from __future__ import annotations

import ipaddress
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

import pytest

from producers.agent import AgentSettings, run_agent
from schemas.records.flow_batch import ROLE_CLIENT
from tests.producers.fakes import MAPPED
from tests.producers.test_agent import CLIENT, SERVER, spooled
from tests.support import dns
from tests.support.dns import AAAA, CNAME, A, Record, answer
from tests.support.processes import wait_for
from weir.lab import Lab, Pod

OUTSIDE, OUTSIDE6, NAME = "198.51.100.7", "2001:db8::7", "api.example.com"
SERVER6 = SERVER.replace('("0.0.0.0", 5432)', '("::", 5432), family=socket.AF_INET6, dualstack_ipv6=True')
SCRIPT = Path(dns.__file__).with_name("name_server.py")


@dataclass(frozen=True)
class Outside:
    """Two workloads of one node, and an external end that they reach at OUTSIDE, with a name server beside it."""

    lab: Lab
    shop: Pod
    till: Pod
    server: Pod

    def ask(self, pod: Pod, *messages: bytes) -> None:
        argv = [sys.executable, "-S", str(SCRIPT), "ask", self.server.ipv4]
        with TemporaryFile("w+") as rounds:
            rounds.write(dns.lines(messages))
            rounds.seek(0)
            pod.run(argv, stdin=rounds, stdout=subprocess.DEVNULL)

    def call(self, pod: Pod, address: str = OUTSIDE) -> None:
        pod.run([sys.executable, "-c", CLIENT, address, "1", "100"])


@pytest.fixture
def outside() -> Iterator[Outside]:
    with Lab("domains") as lab:
        node, far = lab.node("n1"), lab.node("n2")
        shop, till, server = node.pod("shop"), node.pod("till"), far.pod("server")
        for number, pod in enumerate((shop, till), 1):
            pod.add_address(f"198.51.100.{number}")
            pod.add_address(f"2001:db8::{number}")
        server.add_address(OUTSIDE)
        server.add_address(OUTSIDE6)
        for command in ([sys.executable, "-c", SERVER6], [sys.executable, "-S", str(SCRIPT), "reflect"]):
            process = server.popen(command, stdout=subprocess.PIPE)
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
        yield Outside(lab, shop, till, server)
        lab.kill()


@contextmanager
def counted(outside: Outside, state_dir: Path, domains: bool = True) -> Iterator[None]:
    """An agent with windows of a second; what happens within lies in windows of its own."""
    stop = threading.Event()
    cgroup = outside.lab.nodes[0].cgroup
    settings = AgentSettings(
        "127.0.0.1:9", state_dir, "n1", cgroup=cgroup, window_seconds=1, remove_on_exit=True, drain_seconds=0.1, domains=domains
    )
    agent = threading.Thread(target=run_agent, args=(settings, stop))
    agent.start()
    try:
        wait_for(lambda: spooled(state_dir), 20, "a window")
        yield
    finally:
        stop.set()
        agent.join()


def names(state_dir: Path) -> dict[tuple[str, str], set[str]]:
    """(workload, remote address) to the names of its flows as a client; "" for none."""
    found: dict[tuple[str, str], set[str]] = {}
    for batch in spooled(state_dir):
        flows = batch.flows
        for row in range(len(flows)):
            if flows.role[row] == ROLE_CLIENT and flows.service_port[row] == 5432:
                ip = ipaddress.IPv6Address(flows.remote_ip[row].tobytes())
                key = batch.workloads[flows.local_workload[row]], str(ip.ipv4_mapped or ip)
                found.setdefault(key, set()).add(("", *batch.domains)[flows.remote_domain[row]])
    return found


def test_a_batch_has_the_name_that_the_workload_itself_had_asked_for(outside: Outside, tmp_path: Path) -> None:
    with counted(outside, tmp_path):
        chain = [Record(NAME, CNAME, "edge.example.net"), Record("edge.example.net", A, OUTSIDE)]
        outside.ask(outside.shop, answer(NAME, chain, compress=False), answer(NAME, [Record(NAME, AAAA, OUTSIDE6)], kind=AAAA))
        for pod in (outside.shop, outside.till):
            outside.call(pod)
            outside.call(pod, OUTSIDE6)
        outside.call(outside.shop, outside.server.ipv4)
    assert names(tmp_path) == {
        ("shop", OUTSIDE): {NAME},
        ("shop", OUTSIDE6): {NAME},
        ("shop", outside.server.ipv4): {""},
        ("till", OUTSIDE): {""},
        ("till", OUTSIDE6): {""},
    }
    assert not [loss for batch in spooled(tmp_path) for loss in batch.losses]


def test_two_names_for_one_address_are_none(outside: Outside, tmp_path: Path) -> None:
    with counted(outside, tmp_path):
        outside.ask(outside.shop, *(answer(name, [Record(name, A, OUTSIDE)]) for name in (NAME, "cdn.example.org")))
        outside.ask(outside.till, answer(NAME, [Record(NAME, A, OUTSIDE)]))
        outside.call(outside.shop)
        outside.call(outside.till)
    assert names(tmp_path) == {("shop", OUTSIDE): {""}, ("till", OUTSIDE): {NAME}}


def test_a_connection_that_outlives_the_answer_keeps_its_name(outside: Outside, tmp_path: Path) -> None:
    """Its answer is good for a second, and forgotten one window later."""

    def windows() -> int:
        key = ipaddress.IPv4Address(OUTSIDE).packed
        return sum((batch.flows.remote_ip == list(MAPPED + key)).all(axis=1).any() for batch in spooled(tmp_path))

    with counted(outside, tmp_path):
        outside.ask(outside.shop, answer(NAME, [Record(NAME, A, OUTSIDE, ttl=0)]))
        talk = f"import socket, time\nwith socket.create_connection(('{OUTSIDE}', 5432)) as s:\n  while s.send(b'x'): time.sleep(0.1)"
        talking = outside.shop.popen([sys.executable, "-c", talk], stderr=subprocess.DEVNULL)
        wait_for(lambda: windows() >= 5, 30, "five windows of one connection")
        talking.kill()
    assert names(tmp_path) == {("shop", OUTSIDE): {NAME}}


def test_switched_off_no_flow_is_named(outside: Outside, tmp_path: Path) -> None:
    with counted(outside, tmp_path, domains=False):
        outside.ask(outside.shop, answer(NAME, [Record(NAME, A, OUTSIDE)]))
        outside.call(outside.shop)
    assert names(tmp_path) == {("shop", OUTSIDE): {""}}
