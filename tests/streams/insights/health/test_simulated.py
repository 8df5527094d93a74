"""A fortnight whose faults are known: they are found, and little else is."""

from __future__ import annotations

from statistics import median

from tests.bench.answers.health import score_of
from tests.simulator.answers.health import fortnight

SEED = 20


def test_faults_are_found_early_and_findings_are_faults() -> None:
    score = score_of(fortnight(SEED))
    assert score.of >= 40
    assert score.recall >= 0.95
    assert score.precision >= 0.95
    assert median(score.delays) <= 2
