"""Beacons: what is as regular as a clock, and what is not; and which regular calls are told."""

from __future__ import annotations

import numpy as np
import pytest

from schemas.records.finding import FindingKey
from streams.insights.security.beacon import Beating, Known, Rhythm, beacons, rhythm
from streams.insights.security.lives import DAY_S, Life

T = 1_767_225_600
HEARD = Rhythm(100, 300.0, T, T + 30_000, 0.95)
CALLS = Beating("default", "shop/web", "evil.example", "203.0.113.9", 443, HEARD)
SETTLED = {("default", "shop/web"): Life(T - 30 * DAY_S)}
NOTHING = Known({}, frozenset(), {})


def windows(times: np.ndarray, window_s: int = 10) -> list[int]:
    return [int(at) for at in np.unique(times // window_s * window_s)]


def heard(times: np.ndarray, window_s: int = 10) -> Rhythm | None:
    at_s = windows(times, window_s)
    return rhythm(at_s, [900] * len(at_s), window_s)


@pytest.mark.parametrize("period_s", [60, 300, 3_600])
@pytest.mark.parametrize("jitter", [0.0, 0.2, 0.3])
def test_a_period_is_heard_through_jitter(period_s: int, jitter: float) -> None:
    chance = np.random.default_rng(1)
    found = [heard(T + np.cumsum(period_s * (1 + chance.uniform(-jitter, jitter, 30)))) for _ in range(50)]
    assert sum(one is not None and abs(one.period_s - period_s) < 0.2 * period_s for one in found) >= 45


def test_what_comes_by_chance_is_no_beacon() -> None:
    chance = np.random.default_rng(2)
    for gap_s in (60, 300, 3_000):
        assert not any(heard(T + np.cumsum(chance.exponential(gap_s, int(DAY_S / gap_s)))) for _ in range(200))


def test_a_call_that_lasts_over_two_windows_is_one_beat() -> None:
    times = np.arange(30) * 300.0 + T
    found = heard(np.concatenate([times, times + 10]))
    assert found is not None
    assert (found.beats, found.period_s) == (30, 300.0)


def test_a_period_near_the_length_of_windows_is_not_heard() -> None:
    assert heard(T + np.arange(40) * 300.0, 300) is None


def test_too_few_beats_are_none() -> None:
    assert heard(T + np.arange(23) * 60.0) is None
    assert heard(T + np.arange(12) * 3_600.0) is not None
    assert heard(T + np.arange(11) * 3_600.0) is None


def test_a_new_beacon_is_told() -> None:
    (found,) = beacons([CALLS], NOTHING, SETTLED, {})
    assert found.key == FindingKey("beacon", "default", "shop/web", "evil.example", 443)


@pytest.mark.parametrize(
    ("known", "lives", "calls"),
    [
        (Known({("default", "evil.example", 0): frozenset({"shop/web"})}, frozenset(), {}), SETTLED, CALLS),
        (Known({("default", "evil.example", 0): frozenset({"a/b", "c/d"})}, frozenset(), {}), SETTLED, CALLS),
        (NOTHING, {("default", "shop/web"): Life(T - DAY_S)}, CALLS),
        (NOTHING, {("default", "shop/web"): Life(T - 30 * DAY_S, (T - 60,))}, CALLS),
        (Known({}, frozenset(), {("default", "shop/web", T): T - 60}), SETTLED, CALLS),
        (
            Known({}, frozenset({("default", "shop/web", "203.0.113.9", 443)}), {}),
            SETTLED,
            Beating("default", "shop/web", "", "203.0.113.9", 443, HEARD),
        ),
    ],
    ids=["its own of old", "everybody's", "new client", "new version", "new replicas", "address of old"],
)
def test_regular_calls_that_are_expected_are_not(known: Known, lives: dict[tuple[str, str], Life], calls: Beating) -> None:
    assert not beacons([calls], known, lives, {})
    assert len(beacons([calls], known, lives, {calls.key: None})) == 1  # what is open goes on


def test_an_end_that_many_call_regularly_is_no_beacon() -> None:
    same = [Beating("default", f"a/b{one}", "evil.example", "203.0.113.9", 443, HEARD) for one in range(3)]
    assert not beacons(same, NOTHING, {("default", f"a/b{one}"): Life(0) for one in range(3)}, {})
