"""The bars of forecasts, on traffic whose truth is known: a smaller run of `make bench-answers ARGS=forecast`."""

from __future__ import annotations

from tests.bench.answers.forecast import figures


def test_forecasts_hold_their_bars() -> None:
    found = list(figures(7, 420, 60))
    assert len(found) == 7
    assert [figure for figure in found if figure.holds is False] == []
