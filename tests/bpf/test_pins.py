"""What outlives the process: adoption, other versions' leftovers, two at once, removal; and clear words where it cannot work."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bpf import compiler, pins, sources, syscalls
from bpf.probe import open_probe, remove_probe
from schemas.errors import CaptureError, SettingError
from tests.bpf.support import drain, start, total, traffic
from weir.lab import Lab, Node, Pod


@pytest.fixture(scope="module")
def nodes() -> Iterator[tuple[Node, Node]]:
    with Lab("test-bpf-pins") as lab:
        first, second = lab.node("n1"), lab.node("n2")
        client, server = first.pod("client"), second.pod("server")
        client.set_offloads(False)
        with start(server, "serve", 80):
            yield first, second
            lab.kill()


@pytest.fixture
def node(nodes: tuple[Node, Node]) -> Iterator[Node]:
    yield nodes[0]
    remove_probe(nodes[0].cgroup)


def exchange(node: Node, server: Pod, packets: int) -> None:
    traffic(node.pods[0], "udp", server.ipv4, 80, packets, 11)


def server_of(nodes: tuple[Node, Node]) -> Pod:
    return nodes[1].pods[0]


def attached_programs(cgroup: Path) -> list[int]:
    fd = os.open(cgroup, os.O_RDONLY)
    found = [program for kind in compiler.ATTACHMENTS.values() for program in syscalls.attached(fd, kind)]
    os.close(fd)
    return found


def test_counts_go_on_without_a_process_and_are_adopted(node: Node, nodes: tuple[Node, Node]) -> None:
    probe = open_probe(node.cgroup)
    assert not probe.adopted
    exchange(node, server_of(nodes), 7)
    probe.close()
    exchange(node, server_of(nodes), 13)
    again = open_probe(node.cgroup)
    assert again.adopted
    assert total(drain(again), node.pods[0])["packets_sent"] == 7 + 13
    again.close()


def test_the_active_map_is_remembered(node: Node) -> None:
    probe = open_probe(node.cgroup)
    probe.swap()
    active = probe.active_slot()
    probe.close()
    again = open_probe(node.cgroup)
    assert (again.adopted, again.active_slot()) == (True, active) == (True, 1)
    again.close()


def test_another_size_or_version_is_replaced_not_adopted(node: Node, nodes: tuple[Node, Node]) -> None:
    open_probe(node.cgroup, map_entries=64).close()
    programs = attached_programs(node.cgroup)
    probe = open_probe(node.cgroup, map_entries=128)
    assert not probe.adopted
    assert len(attached_programs(node.cgroup)) == 6
    assert not set(programs) & set(attached_programs(node.cgroup))
    exchange(node, server_of(nodes), 7)
    assert total(drain(probe), node.pods[0])["packets_sent"] == 7, "counted once, not by two sets"
    probe.close()


def test_pins_whose_programs_are_no_longer_attached_are_not_adopted(node: Node) -> None:
    open_probe(node.cgroup).close()
    fd = os.open(node.cgroup, os.O_RDONLY)
    program = syscalls.open_pinned(pins.home(node.cgroup) / sources.stamp(65_536, 8_192) / "count_sent")
    syscalls.detach(fd, program, syscalls.CGROUP_EGRESS)
    os.close(program)
    os.close(fd)
    probe = open_probe(node.cgroup)
    assert not probe.adopted
    assert len(attached_programs(node.cgroup)) == 6
    probe.close()


def test_a_build_that_was_cut_short_leaves_nothing(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    def torn(cgroup: Path, directory: Path, map_entries: int, domain_entries: int) -> None:
        compiler.compile_in_child(cgroup, directory, map_entries, domain_entries)
        raise KeyboardInterrupt

    monkeypatch.setattr(pins, "compile_in_child", torn)
    with pytest.raises(KeyboardInterrupt):
        open_probe(node.cgroup)
    assert attached_programs(node.cgroup) == []
    monkeypatch.undo()
    probe = open_probe(node.cgroup)
    assert not probe.adopted
    probe.close()


def test_one_cgroup_is_counted_by_one_process(node: Node) -> None:
    probe = open_probe(node.cgroup)
    with pytest.raises(CaptureError, match="another process already counts .*n1"):
        open_probe(node.cgroup)
    with pytest.raises(CaptureError, match="another process already counts .*n1"):
        remove_probe(node.cgroup)
    remove_probe(node.cgroup, force=True)
    assert attached_programs(node.cgroup) == []
    probe.close()


def test_two_cgroups_are_counted_side_by_side_and_each_sees_its_own(nodes: tuple[Node, Node]) -> None:
    probes = [open_probe(node.cgroup) for node in nodes]
    exchange(nodes[0], server_of(nodes), 11)
    for probe, own, other in zip(probes, nodes, reversed(nodes), strict=True):
        drained = drain(probe)
        assert total(drained, own.pods[0])["packets_sent"] == 11
        assert total(drained, other.pods[0]) == {}
        probe.close()
    for node in nodes:
        remove_probe(node.cgroup)


def test_the_whole_hierarchy_can_be_counted_too(nodes: tuple[Node, Node]) -> None:
    above = nodes[0].cgroup.parent
    probe = open_probe(above)
    exchange(nodes[0], server_of(nodes), 11)
    drained = drain(probe)
    assert [total(drained, node.pods[0])["packets_sent"] for node in nodes] == [11, 11]
    probe.close()
    remove_probe(above)


def test_removal_leaves_no_programs_and_no_pins(nodes: tuple[Node, Node]) -> None:
    cgroup = nodes[0].cgroup
    open_probe(cgroup).close()
    remove_probe(cgroup)
    remove_probe(cgroup)
    assert attached_programs(cgroup) == []
    assert not pins.home(cgroup).exists()


def test_without_root_the_error_says_so(nodes: tuple[Node, Node], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(CaptureError, match="needs root"):
        open_probe(nodes[0].cgroup)


def test_missing_headers_name_the_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler, "MODULES", Path("/nowhere"))
    with pytest.raises(CaptureError, match=r"headers are missing at /nowhere/.*make setup"):
        compiler.check_headers()


def test_what_the_child_says_is_the_error(node: Node) -> None:
    with pytest.raises(CaptureError, match="^the kernel refused weir's BPF programs .* Linux 5.10 or newer"):
        open_probe(node.cgroup, map_entries=2**31)
    assert attached_programs(node.cgroup) == []


def test_a_map_without_room_is_refused(nodes: tuple[Node, Node]) -> None:
    with pytest.raises(SettingError, match="0 entries"):
        open_probe(nodes[0].cgroup, map_entries=0)


HOLD = """
import sys
from pathlib import Path
from bpf.probe import open_probe
probe = open_probe(Path(sys.argv[1]))
loaded = open("/proc/self/maps").read()
print("libbcc" in loaded, "libLLVM" in loaded, next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmRSS")))
"""


def test_the_resident_process_carries_no_compiler(node: Node) -> None:
    done = subprocess.run([sys.executable, "-c", HOLD, str(node.cgroup)], capture_output=True, text=True, check=True)
    bcc, llvm, resident_kb = done.stdout.split()
    assert (bcc, llvm) == ("False", "False")
    assert int(resident_kb) < 45_000
