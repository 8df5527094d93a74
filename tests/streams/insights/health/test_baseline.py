"""What is usual of an edge: its same hours, its past as a whole, and what others do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from streams.insights.health.baseline import Past, usual_of
from streams.insights.health.signals import DAY_S, FAILURE, SHARES

EDGES, DAYS = 20, 7
HOUR_S = 1_767_571_200
EDGE = 3


def past(bad: float, tried: float, share: float) -> Past:
    """The same hour of a week, `bad` of `tried` in each, and a past as a whole of 24 times as many tries and this share."""
    shape = (len(SHARES), EDGES, DAYS)
    hours_s = HOUR_S - DAY_S * np.arange(DAYS, 0, -1)
    whole_tried = np.full(shape[:2], 24 * DAYS * tried)
    return Past(hours_s, np.full(shape, bad), np.full(shape, tried), whole_tried * share, whole_tried, np.arange(EDGES))


def test_where_few_are_bad_more_of_the_past_counts() -> None:
    """One in 1,000 fails: 200 connections would not know of it."""
    usual = usual_of(past(0.1, 100.0, 0.001), HOUR_S)
    assert usual.share[FAILURE, EDGE] == pytest.approx(0.001, rel=0.02)
    assert usual.tried[FAILURE, EDGE] > 10_000


def test_hours_that_differ_from_the_whole_are_what_is_usual() -> None:
    """Each night a tenth fails: the days, when nothing does, do not count against it."""
    usual = usual_of(past(10.0, 100.0, 0.001), HOUR_S)
    assert usual.share[FAILURE, EDGE] > 0.07


def test_an_edge_without_a_past_is_taken_for_one_of_its_server() -> None:
    before = past(0.1, 100.0, 0.001)
    whole_bad, whole_tried = before.whole_bad.copy(), before.whole_tried.copy()
    whole_bad[:, EDGE] = whole_tried[:, EDGE] = before.bad[:, EDGE] = before.tried[:, EDGE] = 0
    whole_bad[:, EDGE + 1] *= 50
    server = np.where(np.arange(EDGES) == EDGE + 1, EDGE, before.server)
    usual = usual_of(replace(before, whole_bad=whole_bad, whole_tried=whole_tried, server=server), HOUR_S)
    assert 0.03 < usual.share[FAILURE, EDGE] < 0.07


@pytest.mark.parametrize("signal", range(len(SHARES)))
def test_an_edge_whose_own_share_is_known_is_not_taken_for_others(signal: int) -> None:
    """Most of its tries are bad, and always were."""
    before = past(0.1, 100.0, 0.001)
    known = SHARES[signal].strength / 4
    before.whole_tried[:, EDGE], before.whole_bad[:, EDGE] = known, 0.6 * known
    before.bad[:, EDGE] = before.tried[:, EDGE] = 0
    usual = usual_of(before, HOUR_S)
    assert usual.share[signal, EDGE] > 0.5
