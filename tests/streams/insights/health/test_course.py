"""What opens a finding, what does not, and what ends it: on edges of a steady past."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from streams.insights.health.baseline import Past
from streams.insights.health.course import STEPS_BEFORE, Course, Seen, course_of, usuals_of
from streams.insights.health.signals import FAILURE, RETRANSMIT, RTT, SHARES, SILENCE, STEP_S

EDGES, STEPS = 40, STEPS_BEFORE + 40
FIRST = 1_767_571_200 // STEP_S
DAYS = 7
BEGINS = STEPS_BEFORE + 5


def past(tried: float = 100.0, share: float = 0.001) -> Past:
    """Hours of a week, each of so many tries a step."""
    hours_s = FIRST * STEP_S - 3_600 * np.arange(24 * DAYS, 0, -1)
    shape = (len(SHARES), EDGES, len(hours_s))
    whole = np.full(shape, 12 * tried)
    return Past(hours_s, whole * share, whole, (whole * share).sum(axis=2), whole.sum(axis=2), np.arange(EDGES))


def seen(tried: float = 100.0) -> Seen:
    shape = (len(SHARES), EDGES, STEPS)
    all_of = np.ones(shape[1:], np.bool_)
    return Seen(FIRST, np.zeros(shape), np.full(shape, tried), all_of, all_of, np.full(shape[1:], tried))


def course(found: Seen, tried: float = 100.0) -> Course:
    return course_of(found, usuals_of(found, past(tried)))


def silence(found: Seen, edge: int, begins: int, ends: int | None, watched: bool = True) -> None:
    found.tried[:, edge, begins:ends] = 0
    active = found.active.copy()
    active[edge, begins:ends] = False
    object.__setattr__(found, "active", active)
    if not watched:
        told = found.watched.copy()
        told[edge, begins:ends] = False
        object.__setattr__(found, "watched", told)


def test_a_healthy_edge_is_left_alone() -> None:
    assert course(seen()).episodes == ()


@pytest.mark.parametrize("signal", range(len(SHARES)))
def test_what_is_bad_for_two_steps_is_found_with_the_second_and_ends_when_it_is_over(signal: int) -> None:
    found = seen(1_000.0)
    found.bad[signal, 3, BEGINS : BEGINS + 10] = 600
    (one,) = course(found, 1_000.0).episodes
    assert (one.signal, one.edge) == (signal, 3)
    assert one.opened == FIRST + BEGINS + 1
    assert FIRST + BEGINS - 1 <= one.since <= FIRST + BEGINS
    assert one.until is not None and FIRST + BEGINS + 10 <= one.until <= FIRST + BEGINS + 13


def test_one_bad_step_opens_nothing_by_itself() -> None:
    found = seen()
    found.bad[FAILURE, 3, BEGINS] = 4
    assert course(found).episodes == ()


def test_one_burst_is_no_fault_in_the_windows_behind_it_either() -> None:
    found = seen(1_000.0)
    found.bad[RETRANSMIT, 3, BEGINS] = 80
    found.bad[RETRANSMIT, 3, BEGINS + 1] = 3
    found.tried[RETRANSMIT, 3, BEGINS + 1] = 100
    assert course(found, 1_000.0).episodes == ()


def test_a_failure_of_two_tries_is_no_alarm() -> None:
    found = seen(0.0)
    found.tried[FAILURE, 3, BEGINS::8] = 2
    found.bad[FAILURE, 3, BEGINS::24] = 1
    assert course(found, 1.0).episodes == ()


def test_a_quiet_edge_that_only_fails_is_found_over_many_steps() -> None:
    found = seen(1.0)
    found.bad[FAILURE, 3, BEGINS:] = 1
    (one,) = course(found, 1.0).episodes
    assert (one.signal, one.edge, one.until) == (FAILURE, 3, None)


def test_what_is_over_is_not_found_again_by_longer_windows() -> None:
    found = seen(20.0)
    found.bad[FAILURE, 3, BEGINS : BEGINS + 4] = 10
    found.bad[FAILURE, 3, BEGINS + 5 :: 7] = 1
    (one,) = course(found, 20.0).episodes
    assert one.until is not None and one.until <= FIRST + BEGINS + 10


def test_what_is_over_is_not_found_again_by_one_that_fails_long_after() -> None:
    found = seen(20.0)
    found.bad[FAILURE, 3, BEGINS : BEGINS + 6 : 2] = 2
    found.bad[FAILURE, 3, BEGINS + 14] = 1
    (one,) = course(found, 20.0).episodes
    assert one.opened == FIRST + BEGINS + 5


def test_what_is_over_is_not_found_again_by_four_hours_of_a_quiet_edge() -> None:
    found = seen(10.0)
    found.bad[FAILURE, 3, BEGINS - 26 : BEGINS : 12] = 1
    found.bad[FAILURE, 3, BEGINS : BEGINS + 9] = (2, 5, 1, 1, 2, 1, 1, 2, 2)
    found.bad[FAILURE, 3, BEGINS + 15] = 1
    (one,) = course_of(found, usuals_of(found, past(10.0, share=0.006))).episodes
    assert one.until is not None and one.until <= FIRST + BEGINS + 12


def test_a_finding_stays_while_nothing_proves_that_it_is_over() -> None:
    found = seen(1_000.0)
    found.bad[FAILURE, 3, BEGINS : BEGINS + 5] = 30
    found.tried[FAILURE, 3, BEGINS + 5 :] = 1
    (one,) = course(found, 1_000.0).episodes
    assert one.until is None


def test_silence_is_found_where_somebody_looked_and_ends_by_being_heard() -> None:
    found = seen()
    silence(found, 3, BEGINS, BEGINS + 10)
    (one,) = course(found).episodes
    assert (one.signal, one.edge, one.since, one.opened) == (SILENCE, 3, FIRST + BEGINS, FIRST + BEGINS + 1)
    assert one.until == FIRST + BEGINS + 10
    assert one.excess == pytest.approx(1_000)


@pytest.mark.parametrize(("days", "found_ones"), [(5, 0), (7, 1)])
def test_a_day_of_the_week_that_is_new_may_be_a_quieter_one(days: int, found_ones: int) -> None:
    """An hour without any of two connections in five minutes is no chance after a week, and may be a first weekend."""
    found, whole = seen(2.0), past(2.0)
    silence(found, 3, BEGINS, BEGINS + 12)
    hours = slice(-24 * days, None)
    short = replace(whole, hours_s=whole.hours_s[hours], bad=whole.bad[:, :, hours], tried=whole.tried[:, :, hours])
    assert len(course_of(found, usuals_of(found, short)).episodes) == found_ones


def test_silence_is_unknown_while_nobody_looks() -> None:
    found = seen()
    silence(found, 3, BEGINS, None, watched=False)
    assert course(found).episodes == ()


def test_a_finding_of_an_edge_that_nobody_sees_stays_open() -> None:
    found = seen()
    found.bad[FAILURE, 3, BEGINS : BEGINS + 4] = 100
    silence(found, 3, BEGINS + 4, None, watched=False)
    (one,) = course(found).episodes
    assert (one.signal, one.until) == (FAILURE, None)


def test_what_nobody_tries_any_more_is_over_after_an_hour() -> None:
    found = seen()
    found.bad[FAILURE, 3, BEGINS : BEGINS + 4] = 100
    found.tried[:, 3, BEGINS + 4 :] = 0
    (one,) = [one for one in course(found).episodes if one.signal == FAILURE]
    assert one.until is not None


def test_an_edge_that_was_silent_yesterday_is_no_alarm() -> None:
    found = seen()
    silence(found, 3, BEGINS, None)
    found.before[3, BEGINS:] = 0
    assert course(found).episodes == ()


def test_what_was_always_so_is_usual() -> None:
    found = seen(1_000.0)
    found.bad[:, :, :] = 200
    assert course_of(found, usuals_of(found, past(1_000.0, 0.2))).episodes == ()


def test_an_outage_of_last_week_is_not_usual() -> None:
    found, before = seen(), past()
    before.bad[FAILURE, 3, :24] = before.tried[FAILURE, 3, :24]
    found.bad[FAILURE, 3, BEGINS:] = 50
    (one,) = course_of(found, usuals_of(found, before)).episodes
    assert (one.signal, one.edge) == (FAILURE, 3)


def test_without_a_past_of_its_own_no_time_is_slow() -> None:
    found, before = seen(), past()
    found.bad[RTT, 3, BEGINS:] = 100
    for part in (before.bad, before.tried, before.whole_bad, before.whole_tried):
        part[:, 3] = 0
    assert course_of(found, usuals_of(found, before)).episodes == ()


def test_a_finding_that_was_open_before_ends_though_nothing_rings_any_more() -> None:
    found = seen(1_000.0)
    found.bad[FAILURE, 3, STEPS - 5 :] = 600
    before = course(found, 1_000.0)
    assert [one.until for one in before.episodes] == [None]
    calm = replace(seen(1_000.0), first=FIRST + STEPS - STEPS_BEFORE)
    (one,) = course_of(calm, usuals_of(calm, past(1_000.0)), before.state).episodes
    assert (one.signal, one.edge, one.opened) == (FAILURE, 3, before.episodes[0].opened)
    assert one.until is not None and FIRST + STEPS <= one.until <= FIRST + STEPS + 3
