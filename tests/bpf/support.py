"""Helpers of the live kernel tests: traffic in pods, and drained entries as sums by pod."""

from __future__ import annotations

import ipaddress
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bpf.cgroup import cgroup_id
from bpf.layout import VALUE
from bpf.probe import Drained, Probe
from tests.support.processes import PATIENCE
from weir.lab import InterfaceCounters, Pod

TRAFFIC = Path(__file__).parent.parent / "support" / "traffic.py"
TCP, UDP = 6, 17
UNKNOWN, CLIENT, SERVER = 0, 1, 2
COUNTERS = [name for name in VALUE.names or () if name not in ("first_ns", "last_ns", "rtt_us_max", "padding")]


@dataclass(frozen=True)
class Flow:
    """A drained key, readable."""

    local: str
    remote: str
    port: int
    protocol: int
    role: int


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-S", str(TRAFFIC), *map(str, arguments)]


def traffic(pod: Pod, *arguments: object) -> None:
    """Runs one of traffic.py's commands in the pod, to its end."""
    pod.run(command(*arguments), timeout_seconds=60 * PATIENCE)


def start(pod: Pod, *arguments: object) -> subprocess.Popen[str]:
    """Starts a command that says a word when it is ready, and awaits that word."""
    process = pod.popen(command(*arguments), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    answer(process)
    return process


def output(pod: Pod, *arguments: object) -> str:
    """Runs a command to its end; returns what it said."""
    said: str = pod.run(command(*arguments), stdout=subprocess.PIPE, text=True).stdout
    return said


def tell(process: subprocess.Popen[str]) -> None:
    """Has a `hold` do one round, and awaits its end."""
    ask(process)
    answer(process)


def ask(process: subprocess.Popen[str]) -> None:
    """Has a `hold` begin a round."""
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def end(process: subprocess.Popen[str]) -> None:
    process.communicate(timeout=30 * PATIENCE)
    assert process.returncode == 0


def answer(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    word = process.stdout.readline().strip()
    assert word, "the traffic ended early: its own message stands above"
    return word


def drain(probe: Probe) -> Drained:
    probe.swap()
    drained = probe.read()
    probe.clear()
    return drained


def flows_of(drained: Drained, pod: Pod) -> dict[Flow, Counter[str]]:
    """The pod's entries by flow; every key must be there once."""
    rows = drained.keys["cgroup"] == cgroup_id(pod.cgroup)
    found: dict[Flow, Counter[str]] = {}
    for key, value in zip(drained.keys[rows], drained.values[rows], strict=True):
        flow = Flow(_text(key["local_ip"]), _text(key["remote_ip"]), int(key["service_port"]), int(key["protocol"]), int(key["role"]))
        assert flow not in found, f"{flow} stands there twice"
        found[flow] = Counter({name: int(value[name]) for name in COUNTERS})
    return found


def total(drained: Drained, pod: Pod) -> Counter[str]:
    """The sums of all of a pod's entries."""
    return sum(flows_of(drained, pod).values(), Counter())


def _text(address: Any) -> str:
    ip = ipaddress.IPv6Address(address.tobytes())
    return str(ip.ipv4_mapped or ip)


def on_link(flows: Counter[str]) -> InterfaceCounters:
    """A pod's sums in the shape of its link's counters."""
    return InterfaceCounters(flows["bytes_sent"], flows["packets_sent"], flows["bytes_received"], flows["packets_received"])


def since(now: InterfaceCounters, before: InterfaceCounters) -> InterfaceCounters:
    return InterfaceCounters(
        now.bytes_sent - before.bytes_sent,
        now.packets_sent - before.packets_sent,
        now.bytes_received - before.bytes_received,
        now.packets_received - before.packets_received,
    )
