"""Scans: the walk's arithmetic, and which clients ring."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.queries.spans import Span
from streams.insights.security.lives import DAY_S, Life
from streams.insights.security.scan import ETA_0, ETA_1, FEWEST, FEWEST_EXPECTED, likelihood, scans
from streams.insights.security.sighted import Contact

STEP = Span(1_767_258_000, 1_767_258_300)
SETTLED = {("default", "shop/web"): Life(STEP.start_s - 30 * DAY_S)}
FAILED = Contact("default", "shop/web", "pay/db", "", "10.0.0.9", 22, 0, 2, 120, 80, STEP.start_s + 10)


def tried(count: int, at_s: int = STEP.start_s) -> list[Contact]:
    return [replace(FAILED, server=f"pay/app{number}", at_s=at_s + number) for number in range(count)]


def test_four_failures_in_a_row_decide_and_three_do_not() -> None:
    assert likelihood([(at, False) for at in range(3)]) < 70 < ETA_1
    assert likelihood([(at, False) for at in range(4)]) > 250 > ETA_1


def test_past_successes_are_no_licence() -> None:
    long_good = [(at, True) for at in range(100)]
    assert likelihood([*long_good, *((100 + at, False) for at in range(7))]) == pytest.approx(ETA_0 * 4**7)
    assert likelihood([*long_good, *((100 + at, False) for at in range(7))]) > ETA_1


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=40), st.randoms())
def test_what_is_in_one_window_has_no_order(outcomes: list[tuple[int, bool]], chance: object) -> None:
    shuffled = outcomes[:]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert likelihood(shuffled) == likelihood(outcomes)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=40), st.integers(0, 5))
def test_a_success_more_never_makes_a_scan_of_it(outcomes: list[tuple[int, bool]], at: int) -> None:
    assert likelihood([*outcomes, (at, True)]) <= likelihood(outcomes)


def test_a_client_that_fails_with_five_targets_scans() -> None:
    (found,) = scans(tried(FEWEST), SETTLED, STEP)
    assert (found.key.kind, found.key.subject, found.severity, found.count) == ("scan", "shop/web", "warning", FEWEST)
    assert not scans(tried(FEWEST - 1), SETTLED, STEP)


def test_replicas_of_one_server_that_is_down_are_one_target() -> None:
    assert not scans([replace(FAILED, address=f"10.0.0.{number}") for number in range(50)], SETTLED, STEP)


def test_targets_that_answer_in_the_end_do_not_count() -> None:
    contacts = tried(FEWEST)
    assert not scans([*contacts, replace(contacts[0], failed=0, opened=1, at_s=STEP.end_s - 1)], SETTLED, STEP)


def test_a_scan_that_is_over_is_not_seen_again() -> None:
    assert not scans(tried(20, STEP.start_s - 600), SETTLED, STEP)


@pytest.mark.parametrize(
    "life",
    [Life(STEP.start_s - DAY_S), Life(STEP.start_s - 30 * DAY_S, (STEP.start_s - 600,)), None],
    ids=["new", "deployed", "unheard of"],
)
def test_a_workload_that_waits_for_what_is_not_up_does_not_scan_but_many_targets_are_a_scan_of_any(life: Life | None) -> None:
    lives = {("default", "shop/web"): life} if life else {}
    assert not scans(tried(FEWEST_EXPECTED - 1), lives, STEP)
    (found,) = scans(tried(FEWEST_EXPECTED), lives, STEP)
    assert found.severity == "critical"
