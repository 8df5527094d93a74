"""Paths: eight causes, twenty runs of each, under real agents."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench.console.report import Figure
from tests.bench.say import say
from tests.simulator.answers.path import CAUSES, FORBIDDEN, Said, Stage
from tests.support.kafka import KafkaServer
from weir.lab import Lab

CLIENTS, ROUNDS = 4, 5
GOAL = 0.99


def measure(seed: int) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="weir-path-") as name, KafkaServer(Path(name) / "broker") as kafka, Lab("path") as lab:
        said = list(Stage(lab, kafka.bootstrap, Path(name), CLIENTS, seed).rounds(ROUNDS))
    for wrong in (one for one in said if one.found != one.wanted):
        say(f"wrong, {wrong.cause} {wrong.run}: {wrong.found}, not {wrong.wanted}. {wrong.why}")
    yield from figures(said)


def figures(said: list[Said]) -> Iterator[Figure]:
    """A run is right where each of its questions is."""
    runs = {(one.cause, one.run): True for one in said}
    for one in said:
        runs[one.cause, one.run] &= one.found == one.wanted
    share = sum(runs.values()) / len(runs)
    found = f"{100 * share:.1f} % ({sum(runs.values())} of {len(runs)} runs, {len(CAUSES)} causes)"
    yield Figure("path: verdict right", f">= {100 * GOAL:g} %", found, share >= GOAL)
    down = [one for one in said if one.cause == "killed"]
    false = sum(one.found in FORBIDDEN for one in down)
    yield Figure('path: "works" or "no attempts" while the agent was down', "0", f"{false} of {len(down)} answers", not false)
