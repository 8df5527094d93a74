"""Segments: roles and policies of a fleet whose truth is known."""

from __future__ import annotations

import random
from collections.abc import Iterator

from streams.insights.segments.evaluate import Policies
from tests.bench.console.report import Figure
from tests.simulator.answers import segments as simulated
from tests.simulator.answers.segments_judged import held_out, roles_found
from tests.streams.insights.segments import drawn

POLICIES = 10_000


def measure(seed: int) -> Iterator[Figure]:
    truth = simulated.fleet(seed)
    yield _at_least("roles, clean: ARI", 0.9, roles_found(truth))
    yield _at_least("roles, 15 % noise, 5 % missing: ARI", 0.75, roles_found(simulated.noisy(truth, seed)))
    wide, exact = held_out(seed, False), held_out(seed, True)
    yield _at_most_share("a later week: true connections cut", 0.001, wide.connections)
    yield _at_most_share("a later week: true edges cut", None, wide.edges)
    yield _at_least_share("a later week: lateral moves between roles cut", 0.99, wide.lateral)
    yield _at_least_share("the same, to a server of another in roles that talk", None, wide.within)
    yield _at_most_share("--exact: true connections cut", None, exact.connections)
    yield _at_least_share("--exact: lateral moves between roles cut", 0.99, exact.lateral)
    yield _at_least_share("--exact: to a server of another in roles that talk", None, exact.within)
    wrong = _wrong(seed)
    yield Figure(f"{POLICIES:,} random policies: evaluator unlike the oracle", "0", str(wrong), wrong == 0)


def _wrong(seed: int) -> int:
    draw = random.Random(seed)
    wrong = 0
    for _ in range(POLICIES // 2):
        policies = [drawn.policy(draw, "p"), drawn.policy(draw, "q")]
        asked = Policies(policies)
        for _ in range(4):
            call = (drawn.endpoint(draw), drawn.endpoint(draw), draw.choice(("tcp", "udp")), draw.randint(1, 8))
            wrong += asked.allow(*call) != drawn.oracle(policies, *call)
    return wrong


def _at_least(name: str, goal: float, found: float) -> Figure:
    return Figure(name, f">= {goal:g}", f"{found:.3f}", found >= goal)


def _at_most_share(name: str, goal: float | None, found: float) -> Figure:
    return Figure(name, "-" if goal is None else f"<= {goal:.1%}", f"{found:.2%}", None if goal is None else found <= goal)


def _at_least_share(name: str, goal: float | None, found: float) -> Figure:
    return Figure(name, "-" if goal is None else f">= {goal:.0%}", f"{found:.1%}", None if goal is None else found >= goal)
