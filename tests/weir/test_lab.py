"""The lab itself: its pods are apart, reach each other, and leave nothing behind."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bpf.cgroup import find_cgroup2
from schemas.errors import CaptureError
from tests.bpf.support import start, traffic
from tests.support.processes import PATIENCE
from weir.lab import Lab, Pod


def traces(name: str) -> list[Path]:
    cgroups = [path for path in [find_cgroup2() / f"weir-lab-{name}"] if path.exists()]
    return cgroups + sorted(Path("/run/netns").glob(f"weir.{name}.*"))


def says(pod: Pod, *argv: str) -> str:
    output: str = pod.run(list(argv), stdout=subprocess.PIPE, text=True).stdout
    return output


def test_a_process_is_in_its_cgroup_and_namespace_from_the_start() -> None:
    with Lab("test-lab") as lab:
        pod = lab.node("n1").pod("checkout")
        assert "/weir-lab-test-lab/n1/checkout\n" in says(pod, "cat", "/proc/self/cgroup")
        shown = says(pod, "ip", "-o", "addr")
        assert f" {pod.ipv4}/" in shown and f" {pod.ipv6}/" in shown and "tentative" not in shown
    assert traces("test-lab") == []


def test_all_pods_reach_each_other_and_links_are_silent_otherwise() -> None:
    with Lab("test-lab") as lab:
        pods = [lab.node(f"n{number}").pod("web") for number in (1, 2, 3)]
        for server in pods:
            start(server, "serve", 80)
        for client in pods:
            for server in pods:
                for address in (server.ipv4, server.ipv6):
                    traffic(client, "udp", address, 80, 3, 11)
        for pod in pods:
            counters = pod.counters()
            # 3 datagrams to and from each of two others, and the same as the server of theirs, for two families.
            assert counters.packets_sent == counters.packets_received == 3 * 2 * 2 * 2
            assert counters.bytes_sent == counters.bytes_received == 3 * 2 * 2 * (28 + 11 + 48 + 11)


def test_an_address_moves_between_pods() -> None:
    with Lab("test-lab") as lab:
        node = lab.node("n1")
        client, old, new = (node.pod(name) for name in ("client", "old", "new"))
        for address in ("10.77.200.1", "fd77::200:1"):
            for owner, port in ((old, 81), (new, 82)):
                owner.add_address(address)
                with start(owner, "serve", port) as server:
                    traffic(client, "tcp", address, port, 1, 7919, 11)
                    server.kill()
                owner.remove_address(address)
        assert old.counters().bytes_received > 2 * 7919 < new.counters().bytes_received


def test_leftovers_of_a_dead_lab_are_removed_with_their_processes() -> None:
    dead = Lab("test-lab")
    dead.__enter__()
    process = dead.node("n1").pod("web").popen(["sleep", "1000"])
    assert dead._lock is not None
    dead._lock.close()  # all that a death would have done
    with Lab("test-lab") as lab:
        assert process.wait(timeout=10 * PATIENCE) == -9
        lab.node("n1").pod("web")
    assert traces("test-lab") == []


def test_a_failure_inside_leaves_nothing() -> None:
    with pytest.raises(ZeroDivisionError), Lab("test-lab") as lab:
        process = lab.node("n1").pod("web").popen(["sleep", "1000"])
        raise ZeroDivisionError
    assert process.returncode == -9
    assert traces("test-lab") == []


def test_a_lab_in_use_is_not_taken_away() -> None:
    with Lab("test-lab"), pytest.raises(CaptureError, match="'test-lab' is in use"):
        Lab("test-lab").__enter__()


@pytest.mark.parametrize("name", ["", "a/b", "a b", "UP"])
def test_names_that_could_not_name_a_directory_are_refused(name: str) -> None:
    with pytest.raises(CaptureError, match="cannot name a lab"):
        Lab(name)
