"""A month whose attacks are known: the bars hold."""

from __future__ import annotations

from tests.bench.answers.security import measure


def test_the_attacks_of_a_month_are_found_and_little_else() -> None:
    figures = list(measure(7))
    assert len(figures) > 4
    assert not [figure for figure in figures if figure.holds is False]
