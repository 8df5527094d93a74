"""Addresses and listeners of real namespaces, processes and cgroups."""

from __future__ import annotations

import ipaddress
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from producers.identity.cgroups import walk
from producers.identity.holdings import Holding, observe
from producers.identity.inventory import HostInventory
from producers.identity.namespaces import inside, namespace_of
from producers.identity.netns_addresses import is_global, local_addresses
from producers.identity.resolver import PathResolver
from tests.support.processes import PATIENCE
from weir.lab import Lab, Node, Pod

LISTEN = """
import socket, sys
tcp, tcp6, udp = socket.socket(), socket.socket(socket.AF_INET6), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
tcp.bind(("0.0.0.0", int(sys.argv[1]))); tcp.listen()
tcp6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
tcp6.bind(("::", int(sys.argv[1]) + 1)); tcp6.listen()
udp.bind((sys.argv[2], int(sys.argv[1]) + 2))
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.sendto(b"x", ("127.0.0.1", 9))
print("ready", flush=True)
sys.stdin.read()
"""
TCP, UDP = 6, 17
EVERYWHERE = str(ipaddress.IPv4Address(0))


def raw(text: str) -> bytes:
    ip = ipaddress.ip_address(text)
    return ip.packed if ip.version == 6 else bytes(10) + b"\xff\xff" + ip.packed


@pytest.fixture
def node() -> Iterator[Node]:
    with Lab("holdings") as lab:
        yield lab.node("n1")


def started(process: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def listen(pod: Pod, port: int, address: str, namespace: str | None = None) -> subprocess.Popen[bytes]:
    inside_of = ["nsenter", f"--net=/run/netns/{namespace}", "--"] if namespace else []
    command = [*inside_of, sys.executable, "-c", LISTEN, str(port), address]
    return started(pod.popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE))


def ended(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    process.stdout.close()
    process.wait(10 * PATIENCE)


def look(node: Node) -> set[Holding]:
    resolver = PathResolver("n1", node.cgroup, node.cgroup.parent)
    return set(HostInventory(node.cgroup, resolver, resolver.node_workload).look())


def test_a_workload_alone_in_its_namespace_holds_its_addresses_whole(node: Node) -> None:
    shop, till = node.pod("shop"), node.pod("till")
    processes = [listen(shop, 8000, EVERYWHERE), listen(till, 9000, EVERYWHERE)]
    expected = {Holding(raw(ip), pod.workload) for pod in (shop, till) for ip in (pod.ipv4, pod.ipv6)}
    assert look(node) == expected
    till.add_address("10.77.200.1")
    assert look(node) == expected | {Holding(raw("10.77.200.1"), "till")}
    till.remove_address("10.77.200.1")
    ended(processes.pop())
    assert look(node) == {holding for holding in expected if holding.workload == "shop"}
    ended(processes.pop())


def test_addresses_of_services_that_kube_proxy_binds_are_nobodys(node: Node) -> None:
    """In IPVS mode every node has every Service's address on a link of this name; another link's of the kind count."""
    shop = node.pod("shop")
    process = listen(shop, 8000, EVERYWHERE)
    held = look(node)
    for link, address in (("kube-ipvs0", "10.96.0.10"), ("other0", "10.77.200.9")):
        inside_of = ["ip", "-n", shop.netns]
        subprocess.run([*inside_of, "link", "add", link, "type", "veth", "peer", "name", f"p-{link}"], check=True)
        subprocess.run([*inside_of, "address", "add", f"{address}/32", "dev", link], check=True)
    assert look(node) == held | {Holding(raw("10.77.200.9"), "shop")}
    ended(process)


def test_workloads_that_share_a_namespace_hold_their_ports_and_the_node_the_rest(node: Node) -> None:
    shop, till = node.pod("shop"), node.pod("till")
    processes = [listen(shop, 8000, EVERYWHERE), listen(till, 9000, shop.ipv4, namespace=shop.netns)]
    v4, v6 = raw(shop.ipv4), raw(shop.ipv6)
    assert look(node) == {
        Holding(v4, "node/n1"),
        Holding(v6, "node/n1"),
        Holding(v4, "shop", 8000, TCP),
        Holding(v6, "shop", 8001, TCP),
        Holding(v4, "shop", 8002, UDP),
        Holding(v4, "till", 9000, TCP),
        Holding(v6, "till", 9001, TCP),
        Holding(v4, "till", 9002, UDP),
    }
    for process in processes:
        ended(process)


def test_nested_cgroups_count_to_their_own_workload(node: Node) -> None:
    shop = node.pod("shop")
    inner = shop.cgroup / "inner"
    inner.mkdir()
    process = started(
        shop.popen(["sh", "-c", f"echo $$ > {inner}/cgroup.procs && echo ready && cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    )
    assert {holding.workload for holding in look(node)} == {"shop/inner"}
    ended(process)


def test_the_machines_own_addresses_belong_to_the_node(node: Node) -> None:
    own = node.cgroup / "plain"
    own.mkdir()
    script = f"echo $$ > {own}/cgroup.procs && echo ready && cat"
    process = started(subprocess.Popen(["sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE))
    try:
        found = look(node)
        assert {holding.ip for holding in found} == {address.ip for address in local_addresses()}
        assert {holding.workload for holding in found} <= {"node/n1"}
    finally:
        ended(process)


def test_the_agent_is_back_home_after_every_look(node: Node) -> None:
    home = namespace_of("thread-self")
    process = listen(node.pod("shop"), 8000, EVERYWHERE)
    namespace = namespace_of(process.pid)
    assert namespace is not None
    with pytest.raises(KeyError), inside(process.pid, namespace):
        assert namespace_of("thread-self") == namespace != home
        raise KeyError
    assert namespace_of("thread-self") == home
    with pytest.raises(ProcessLookupError), inside(process.pid, namespace + 1):
        pass
    ended(process)
    with pytest.raises(ProcessLookupError), inside(process.pid, namespace):
        pass


def test_processes_that_vanish_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "cgroup.procs").write_text(f"{2**22 - 1}\n")
    assert observe(tuple(walk(tmp_path)), lambda _: "ghost", "node/n1").held == {}


@pytest.mark.parametrize(
    ("text", "answer"),
    [("10.0.0.1", True), ("127.0.0.1", False), ("169.254.1.1", False), ("224.0.0.1", False), ("255.255.255.255", False)]
    + [(EVERYWHERE, False)]
    + [("fd00::1", True), ("::1", False), ("fe80::1", False), ("ff02::1", False), ("::", False), ("2001:db8::1", True)],
)
def test_addresses_that_can_name_their_holder(text: str, answer: bool) -> None:
    assert is_global(raw(text)) is answer


def test_this_machines_addresses_are_those_that_the_system_prints() -> None:
    printed = subprocess.run(["ip", "-o", "addr"], capture_output=True, text=True, check=True).stdout.splitlines()
    texts = {raw(line.split()[3].partition("/")[0]) for line in printed if "tentative" not in line}
    assert {address.ip for address in local_addresses()} == {ip for ip in texts if is_global(ip)}
