"""The fault bench in short: every point of a worker and every fault of the table once, by a fixed seed.

The engine is a process of its own first, with several workers; then it lives inside the one worker.
"""

from __future__ import annotations

from pathlib import Path

from schemas.failpoints import WORKER_POINTS
from tests.faults.plan import every_fault_once, every_point_once
from tests.faults.report import table
from tests.faults.run import Outcome, carry_out, recent_shape

SEED = 5
EMBEDDED_POINTS = 4
"""As many die with their engine here; `make soak` kills at each of them so."""


def assert_clean(outcome: Outcome) -> None:
    shown = "\n".join((*table([outcome]), *outcome.ended_by_themselves))
    assert outcome.verdicts.clean, shown
    assert outcome.ended_by_themselves == (), shown


def test_every_point_and_every_fault_with_several_workers(tmp_path: Path) -> None:
    steps = [*every_fault_once(SEED, served=True), *every_point_once(SEED, 5)]
    outcome = carry_out(tmp_path, recent_shape(SEED, 60, 100, 50), steps, embedded=False, crew_size=2)
    assert_clean(outcome)
    assert set(WORKER_POINTS) <= set(outcome.hits)


def test_an_engine_that_dies_with_its_worker(tmp_path: Path) -> None:
    steps = [*every_fault_once(SEED, served=False), *every_point_once(SEED, 1)[:EMBEDDED_POINTS]]
    outcome = carry_out(tmp_path, recent_shape(SEED, 60, 100, 50), steps, embedded=True)
    assert_clean(outcome)
    assert len(outcome.hits) == EMBEDDED_POINTS
