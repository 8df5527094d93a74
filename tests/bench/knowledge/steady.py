"""What it costs that all workers know what they knew: windows in which nodes say what they said before, but for the churn."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.bench.knowledge.crew import Crew, Mark, Used
from tests.bench.knowledge.fleet import WINDOW_SECONDS, Fleet, FleetShape
from tests.bench.knowledge.lookups import Verdict, question
from tests.bench.knowledge.stage import Stage, Told, new_fleet, opened, reference
from tests.bench.say import say

LOOK_UPS = 2_000
"""On each worker after each window."""
_IDLE_SECONDS = 3.0


@dataclass(frozen=True)
class Plan:
    """`warm_up`: windows before the measured ones, the first of which tells of everything. `role_windows`: windows with one teller.

    `spread`: see `Stage.window`.
    """

    shape: FleetShape
    workers: int
    partitions: int = 8
    warm_up: int = 2
    windows: int = 3
    role_windows: int = 1
    spread: float = 0.0


@dataclass(frozen=True)
class Phase:
    """Some windows. `used`: CPU by worker. `seconds`: by the clock, look-ups left out."""

    windows: int
    heartbeats: int
    used: tuple[Used, ...]
    seconds: float

    @property
    def all_used(self) -> Used:
        return sum(self.used, Used())

    def us(self, seconds: float) -> float:
        """Of so much CPU time, microseconds a heartbeat."""
        return 1e6 * seconds / self.heartbeats


@dataclass(frozen=True)
class Steady:
    """`first`: the window that tells of all addresses. `roles`: the first worker follows all partitions, the others hear.

    `idle`: CPU seconds of all workers in a second without windows. `log_bytes`: what the measured windows added to weir.ownership on
    the broker's disk. `marks`: at the end of the measured windows; `empty`: bytes resident before the first.
    """

    plan: Plan
    reference: float
    first: Phase
    measured: Phase
    roles: Phase | None
    idle: float
    told: Told
    log_bytes: int
    empty: int
    marks: tuple[Mark, ...]
    verdict: Verdict

    @property
    def core_share(self) -> float:
        """Of one core, all workers together, at windows of ten seconds: a window's cost, and idleness for the rest of the time."""
        each, busy = self.measured.all_used.total / self.measured.windows, self.measured.seconds / self.measured.windows
        return (each + self.idle * max(0.0, WINDOW_SECONDS - busy)) / WINDOW_SECONDS

    def by_reference(self) -> float:
        """Heartbeats in the CPU time of the reference load, all workers together."""
        return self.measured.heartbeats / self.measured.all_used.total * self.reference

    def plain(self) -> dict[str, Any]:
        return asdict(self) | {"core_share": self.core_share, "us_a_heartbeat": self.measured.us(self.measured.all_used.total)}


def measure(folder: Path, plan: Plan) -> Steady:
    load = reference()
    with opened(folder, plan.partitions) as stage, stage.crew(plan.workers) as crew:
        empty = max(mark.resident for mark in crew.marks())
        stage.share(crew, plan.workers)
        fleet = new_fleet(plan.shape)
        run = _Run(stage, crew, fleet, plan.spread)
        first = run.phase(1)
        run.phase(plan.warm_up - 1)
        idle = _idle(crew)
        offset, size = stage.ownership_end(), stage.ownership_log_bytes()
        measured = run.phase(plan.windows)
        marks, end, grown = tuple(crew.marks()), stage.ownership_end(), stage.ownership_log_bytes() - size
        roles = run.with_one_teller(plan.role_windows) if plan.workers > 1 and plan.role_windows else None
        told = stage.told(offset, end)
    return Steady(plan, load, first, measured, roles, idle, told, grown, empty, marks, run.verdict)


@dataclass
class _Run:
    stage: Stage
    crew: Crew
    fleet: Fleet
    spread: float
    verdict: Verdict = Verdict()

    def phase(self, windows: int) -> Phase:
        before, heartbeats, seconds = self.crew.marks(), 0, 0.0
        for _ in range(windows):
            sent, took = self.stage.window(self.crew, self.fleet, spread=self.spread)
            heartbeats, seconds = heartbeats + sent, seconds + took
            found = self.crew.ask(question(self.fleet, LOOK_UPS, seed=self.fleet.windows))
            self.verdict += found
            answered = f"wrong look-ups: {found.wrong}, unattributed though nothing changed: {found.calm_nameless}"
            say(f"  window {self.fleet.windows}: {sent:,} heartbeats, {took:.1f} s by the clock; {answered}")
        used = tuple(Used.between(one, other) for one, other in zip(before, self.crew.marks(), strict=True))
        return Phase(windows, heartbeats, used, seconds)

    def with_one_teller(self, windows: int) -> Phase:
        """Behind one window in which the teller hears for the first time what it had been told of its new partitions' nodes."""
        self.stage.share(self.crew, 1)
        self.phase(1)
        return self.phase(windows)


def _idle(crew: Crew) -> float:
    before, begun = crew.marks(), time.monotonic()
    time.sleep(_IDLE_SECONDS)
    after, seconds = crew.marks(), time.monotonic() - begun
    return sum(Used.between(one, other).total for one, other in zip(before, after, strict=True)) / seconds
