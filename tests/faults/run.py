"""A plan carried out on a bench, and what came of it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.faults.bench import Bench, Struck, opened
from tests.faults.fault import FAULTS
from tests.faults.plan import Step
from tests.faults.sent import Shape
from tests.faults.table import kill_at
from tests.faults.verdict import Verdicts, judge
from tests.integration.made_recording import half_an_hour_ago_us


@dataclass(frozen=True)
class Outcome:
    """What the table shows of a run; another writer on the same plan has one of its own.

    `missed`: points of the plan at which no worker was killed. `ended_by_themselves`: last words of workers that nobody had stopped or
    killed.
    """

    title: str
    sent: int
    struck: tuple[Struck, ...]
    verdicts: Verdicts
    seconds: float
    hits: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()
    ended_by_themselves: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        return self.verdicts.clean and not self.missed


def carry_out(
    folder: Path, shape: Shape, steps: list[Step], *, embedded: bool, crew_size: int = 1, say: Callable[[str], None] = lambda _: None
) -> Outcome:
    begun = time.monotonic()
    with opened(folder, shape, embedded=embedded, crew_size=crew_size) as bench:
        for number, step in enumerate(steps, 1):
            struck = bench.suffer(step.kind, partial(_act, bench, step))
            after = "nothing left to do" if struck.recovered is None else f"{struck.recovered:.1f} s"
            say(f"{time.monotonic() - begun:6.0f} s  {number}/{len(steps)}  {step.kind}: {after}")
        bench.settle()
        say(f"{time.monotonic() - begun:6.0f} s  all is applied")
        verdicts = judge(bench)
        crew = bench.crew
        title = "embedded engine, 1 worker" if embedded else f"engine of its own, {crew_size} workers"
        hits, words = tuple(crew.hits()), tuple(crew.ended_by_themselves)
        missed = tuple(point for step in steps for point in step.points if point not in hits)
        return Outcome(title, bench.ledger.sent, tuple(bench.struck), verdicts, time.monotonic() - begun, hits, missed, words)


def recent_shape(seed: int, windows: int, flows_each: int, batch_flows: int = 60, **more: int) -> Shape:
    """Old enough that so many windows lie in the past."""
    start_us = half_an_hour_ago_us() - max(0, windows - 150) * 10_000_000
    return Shape(seed, start_us, flows_each=flows_each, batch_flows=batch_flows, **more)


def _act(bench: Bench, step: Step) -> None:
    chance = random.Random(step.seed)
    if step.points:
        kill_at(bench, chance, step.points)
    else:
        FAULTS[step.kind].act(bench, chance)
