"""Which faults strike, in which order: settled by a seed before anything runs."""

from __future__ import annotations

import random
from dataclasses import dataclass

from schemas.failpoints import WORKER_POINTS
from tests.faults import around, table
from tests.faults.fault import FAULTS, staying

__all__ = ["FAULTS", "around", "table"]
TOGETHER = 3
"""Workers that die at points at the same time."""
AT_POINT = "worker: SIGKILL at "


@dataclass(frozen=True)
class Step:
    """A fault of the table by its name, or SIGKILL at each of `points`. `seed`: of the chance that the fault is given."""

    kind: str
    seed: int
    kills: int
    points: tuple[str, ...] = ()


def points_step(points: tuple[str, ...], seed: int) -> Step:
    return Step(AT_POINT + ", ".join(points), seed, len(points), points)


def every_point_once(seed: int, at_once: int) -> list[Step]:
    """`at_once`: workers that may die together."""
    chance, points = random.Random(seed), list(WORKER_POINTS)
    chance.shuffle(points)
    groups = [tuple(points[first : first + at_once]) for first in range(0, len(points), at_once)]
    return [points_step(group, chance.randrange(2**32)) for group in groups]


def every_fault_once(seed: int, *, served: bool) -> list[Step]:
    chance = random.Random(seed)
    return [Step(one.name, chance.randrange(2**32), one.kills) for one in FAULTS.values() if served or not one.served]


def long_plan(seed: int, kills: int, *, served: bool, crew_size: int = 1) -> list[Step]:
    """Every point and every fault once, then faults by their weights and points in turn, until there are so many kills; shuffled."""
    chance = random.Random(seed)
    table = [one for one in FAULTS.values() if served or not one.served]
    at_once = TOGETHER if served else 1
    steps = every_point_once(chance.randrange(2**32), at_once) + every_fault_once(chance.randrange(2**32), served=served)
    while sum(_kills(step, crew_size) for step in steps) < kills:
        if chance.random() < 0.4:
            steps.append(points_step(tuple(chance.sample(WORKER_POINTS, at_once)), chance.randrange(2**32)))
        else:
            (one,) = chance.choices(table, [each.weight for each in table])
            steps.append(Step(one.name, chance.randrange(2**32), one.kills))
    chance.shuffle(steps)
    return steps


def _kills(step: Step, crew_size: int) -> int:
    """Those who make room for the ones that die at points die, too."""
    return step.kills + max(0, crew_size - staying(len(step.points), crew_size)) if step.points else step.kills
