"""The loads one after the other, each for whole windows, and what the agent cost meanwhile."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

from tests.bench.agent import meters
from tests.bench.agent.meters import Cost, Memory
from tests.bench.agent.softflowd import softflowd
from tests.bench.agent.stage import ANSWER_PORT, ECHO_PORT, PORTS, Stage
from tests.bench.reference import reference_seconds
from weir.lab import InterfaceCounters

EDGES = 50_000
QUIET_SECONDS = 5.0
SAMPLE_SECONDS = 0.5


@dataclass(frozen=True)
class Phase:
    """`first_us`, `last_us`: the windows that were closed meanwhile, by their starts (half-open). `quiet_wakes`: in QUIET_SECONDS
    between two windows' ends. `reached`: what the load says of itself. `neighbour`: softflowd's cost and resident bytes.
    `reference`: CPU seconds of the reference load just before."""

    name: str
    seconds: float
    first_us: int
    last_us: int
    cost: Cost
    quiet_wakes: dict[str, int]
    memory: Memory
    wire_bytes: int
    reached: dict[str, float]
    neighbour: tuple[Cost, int] | None
    reference: float


@dataclass(frozen=True)
class Bulk:
    offloads: bool
    port: int
    reached: dict[str, float]
    link: InterfaceCounters


@dataclass(frozen=True)
class Rounds:
    """The application's speed, by rounds without and with the agent."""

    without: list[dict[str, float]] = field(default_factory=list)
    with_agent: list[dict[str, float]] = field(default_factory=list)

    def ratios(self, name: str) -> list[float]:
        return [after[name] / before[name] for before, after in zip(self.without, self.with_agent, strict=True)]


def connections(stage: Stage, rate: int, seconds: float, host: str, clients: int) -> list[subprocess.Popen[str]]:
    return [stage.begin("connect", host, ANSWER_PORT, PORTS, rate / clients, seconds) for _ in range(clients)]


def measure(stage: Stage, name: str, windows: int, load: Callable[[float], Sequence[Any]], program: str | None) -> Phase:
    """`load` begins the clients for so many seconds. Begins and ends just after a window's end."""
    seconds, reference = float(windows * stage.window_seconds), reference_seconds()
    with ExitStack() as beside:
        other = beside.enter_context(softflowd(program, stage.server)) if program else 0
        begun = stage.settle()
        clients = load(seconds)
        before, wire = meters.cost(stage.pid), stage.wire_bytes()
        other_before = meters.cost(other) if other else None
        quiet = _quiet(stage)
        _sleep_until(begun + seconds + 1.5)
        spent, sent = meters.cost(stage.pid) - before, stage.wire_bytes() - wire
        memory = meters.memory(stage.pid)
        neighbour = (meters.cost(other) - other_before, meters.memory(other).resident) if other_before else None
        said = [stage.result(client) for client in clients]
    reached = {key: sum(one[key] for one in said) for key in (said[0] if said else ()) if key != "seconds"}
    first_us = int(begun * 1_000_000)
    return Phase(name, seconds, first_us, first_us + int(seconds * 1_000_000), spent, quiet, memory, sent, reached, neighbour, reference)


def edges(stage: Stage, windows: int) -> Phase:
    """All edges in each window."""

    def load(seconds: float) -> Sequence[Any]:
        return [stage.begin("edges", EDGES, 1, windows, stage.window_seconds)]

    return measure(stage, f"{EDGES:,} edges", windows, load, None)


@dataclass(frozen=True)
class PacketCost:
    """Nanoseconds by the kernel's statistics, one figure a sample: of a packet in each direction, of both, of a connection's event.

    `reference`: CPU seconds of the reference load just before.
    """

    load: str
    sent: list[float]
    received: list[float]
    packet: list[float]
    event: list[float]
    packets: int
    reference: float


def packet_cost(stage: Stage, name: str, client: Sequence[object], samples: int) -> PacketCost:
    """Under a client of load.py, to which the seconds are added."""
    reference = reference_seconds()
    running = stage.begin(*client, samples * SAMPLE_SECONDS + 1)
    result = PacketCost(name, [], [], [], [], 0, reference)
    total = 0
    with meters.bpf_statistics():
        time.sleep(0.5)
        for _ in range(samples):
            before = meters.program_runs(stage.node.cgroup)
            time.sleep(SAMPLE_SECONDS)
            now = meters.program_runs(stage.node.cgroup)
            ran = {key: now[key] - before[key] for key in now}
            both = ran["count_sent"] + ran["count_received"]
            total += both.count
            for figures, runs in (
                (result.sent, ran["count_sent"]),
                (result.received, ran["count_received"]),
                (result.packet, both),
                (result.event, ran["follow_connection"]),
            ):
                figures.append(runs.nanoseconds / max(1, runs.count))
    stage.result(running)
    return replace(result, packets=total)


def bulk(stage: Stage, offloads: bool, port: int, seconds: float) -> Bulk:
    for pod in (stage.client, stage.server):
        pod.set_offloads(offloads)
    before = stage.client.counters()
    reached = stage.run("bulk", stage.server.ipv4, port, seconds)
    now = stage.client.counters()
    link = InterfaceCounters(
        now.bytes_sent - before.bytes_sent,
        now.packets_sent - before.packets_sent,
        now.bytes_received - before.bytes_received,
        now.packets_received - before.packets_received,
    )
    return Bulk(offloads, port, reached, link)


def application(stage: Stage, rounds: int, seconds: float) -> Rounds:
    """Without and with the agent in turn; each pair in the other order than the one before. The agent runs no more afterwards."""
    result = Rounds()
    stage.run("ask", stage.server.ipv4, ECHO_PORT, 1.0)
    for number in range(rounds):
        for with_agent in (False, True) if number % 2 else (True, False):
            if with_agent and stage.agent is None:
                stage.start_agent()
            if not with_agent:
                stage.stop_agent()
            (result.with_agent if with_agent else result.without).append(_asked(stage, seconds))
    stage.stop_agent()
    return result


def _asked(stage: Stage, seconds: float) -> dict[str, float]:
    """The application's own account, and what it cost in CPU: that depends less on what else the machine does."""
    before = stage.cpu_seconds()
    answer: dict[str, float] = stage.run("ask", stage.server.ipv4, ECHO_PORT, seconds)
    return {**answer, "cpu_us": 1e6 * (stage.cpu_seconds() - before) / (answer["requests"] * seconds)}


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Median, least, most."""
    return median(values), min(values), max(values)


def _quiet(stage: Stage) -> dict[str, int]:
    time.sleep(1)
    before = meters.wakes_by_thread(stage.pid)
    time.sleep(min(QUIET_SECONDS, stage.window_seconds - 4.0))
    after = meters.wakes_by_thread(stage.pid)
    return {name: count - before.get(name, 0) for name, count in after.items() if count > before.get(name, 0)}


def _sleep_until(instant: float) -> None:
    time.sleep(max(0.0, instant - time.time()))
