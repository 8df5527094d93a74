"""Since when real addresses in real namespaces are a workload's, as the kernel tells it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from producers.identity.creation_times import MARGIN_NS, now_ns
from producers.identity.holdings import Holding
from producers.identity.inventory import HostInventory
from producers.identity.namespaces import inside, namespace_of
from producers.identity.netns_addresses import is_global
from producers.identity.netns_tenure import Occupant, Tenancies, namespace_cookie
from producers.identity.resolver import PathResolver
from tests.support.processes import wait_for
from weir.lab import Lab, Node, Pod

SECOND = 1_000_000_000
TICK = SECOND // 100
X = "10.77.200.1"


@pytest.fixture
def node() -> Iterator[Node]:
    with Lab("beginnings") as lab:
        yield lab.node("n1")


class Looks:
    """`took_ns`: how long the last look took. A record's age is read before the clock it is taken from: an answer may be so much late."""

    def __init__(self, node: Node) -> None:
        resolver = PathResolver("n1", node.cgroup, node.cgroup.parent)
        self._inventory = HostInventory(node.cgroup, resolver, resolver.node_workload)
        self.again()

    def again(self) -> dict[Holding, int]:
        self.begun_ns = now_ns()
        found = dict(self._inventory.look())
        self.took_ns = now_ns() - self.begun_ns
        return found


def whole(ip: str, pod: Pod) -> Holding:
    return Holding(bytes(10) + b"\xff\xff" + bytes(int(part) for part in ip.split(".")), pod.workload)


def idle(pod: Pod, netns: str = "") -> subprocess.Popen[bytes]:
    """A process that is in its namespace, be that another pod's, by now."""
    inner = ["nsenter", f"--net=/run/netns/{netns}", "--"] if netns else []
    process = pod.popen([*inner, "sh", "-c", "echo there && exec sleep 60"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"there\n"
    return process


def past(instant_ns: int) -> bool:
    return now_ns() > instant_ns


def settle() -> None:
    """Until what has just been made is older than every margin."""
    instant = now_ns() + MARGIN_NS + 3 * TICK
    wait_for(lambda: past(instant), 5, "the margin's end", every=0.01)


def test_an_address_begins_when_it_was_put_on(node: Node) -> None:
    pod = node.pod("shop")
    idle(pod)
    looks = Looks(node)
    before = now_ns()
    pod.add_address(X)
    after = now_ns()
    settle()
    since = looks.again()[whole(X, pod)]
    assert before < since <= after + MARGIN_NS + 3 * TICK + looks.took_ns


def test_an_address_that_moves_begins_anew(node: Node) -> None:
    red, blue = node.pod("red"), node.pod("blue")
    for pod in (red, blue):
        idle(pod)
    looks = Looks(node)
    red.add_address(X)
    settle()
    red.remove_address(X)
    before = now_ns()
    blue.add_address(X)
    settle()
    held = looks.again()
    assert whole(X, red) not in held
    assert held[whole(X, blue)] > before


def test_a_pod_begins_with_its_first_process(node: Node) -> None:
    pod = node.pod("shop")  # as with containers: the namespace and the address first
    looks = Looks(node)
    settle()
    before = now_ns()
    idle(pod)
    after = now_ns()
    settle()
    idle(pod)
    since = looks.again()[whole(pod.ipv4, pod)]
    assert before <= since <= after + 2 * TICK + looks.took_ns


def test_a_workload_in_anothers_old_namespace_begins_with_its_process(node: Node) -> None:
    shop, till = node.pod("shop"), node.pod("till")
    process = idle(shop)
    looks = Looks(node)
    assert whole(shop.ipv4, shop) in looks.again()
    process.kill()
    process.wait()
    settle()
    before = now_ns()
    idle(till, shop.netns)
    settle()
    assert looks.again()[whole(shop.ipv4, till)] >= before


def test_an_old_process_that_moved_in_begins_with_the_look(node: Node) -> None:
    """Nothing tells when it came."""
    shop, till = node.pod("shop"), node.pod("till")
    gate = Path(f"/run/netns/{shop.netns}")
    script = 'read line && exec nsenter --net="$0" -- sh -c "echo moved && sleep 60"'
    process = till.popen(["bash", "-c", script, str(gate)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    looks = Looks(node)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"moved\n"
    settle()
    assert looks.again()[whole(shop.ipv4, till)] >= looks.begun_ns


def test_what_two_workloads_share_begins_with_the_look(node: Node) -> None:
    shop, till = node.pod("shop"), node.pod("till")
    idle(shop)
    looks = Looks(node)
    idle(till, shop.netns)
    shop.add_address(X)
    settle()
    held = looks.again()
    assert set(held.values()) and min(held.values()) >= looks.begun_ns
    assert {holding.workload for holding in held} == {"node/n1"}


def test_an_ipv6_address_that_was_tried_out_first_begins_with_the_look(node: Node) -> None:
    pod = node.pod("shop")
    idle(pod)
    looks = Looks(node)
    subprocess.run(["ip", "-n", pod.netns, "address", "add", "fd77:1::1/64", "dev", pod.interface], check=True)
    pod.add_address("fd77:2::1")
    settle()
    held = {holding.ip[:4].hex(): since for holding, since in looks.again().items() if is_global(holding.ip)}
    assert held["fd770001"] >= looks.begun_ns > held["fd770002"]


def test_a_process_was_not_a_workloads_before_the_cgroup_was(node: Node) -> None:
    tenancies = Tenancies()
    process = idle(node.pod("shop"))
    settle()
    before, born = now_ns(), time.time_ns()
    tenancies.begin()
    assert tenancies.since(None, "shop", [Occupant(process.pid, 0)]) < before
    assert before < tenancies.since(None, "shop", [Occupant(process.pid, born)]) <= now_ns()
    tenancies.begin()  # by now it is older than the last look, and where it was then is not known
    later = now_ns()
    assert tenancies.since(None, "shop", [Occupant(process.pid, 0)]) >= later


def test_a_namespace_has_one_name_for_ever(node: Node) -> None:
    cookies = set()
    for workload in ("shop", "till"):
        process = idle(node.pod(workload))
        namespace = namespace_of(process.pid)
        assert namespace is not None
        with inside(process.pid, namespace):
            first, second = namespace_cookie(), namespace_cookie()
        assert first == second
        cookies.add(first)
    assert len(cookies) == 2 and None not in cookies
