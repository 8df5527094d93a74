"""Never a wrong name: fleets with a known truth, clocks that differ, heartbeats that get lost."""

from __future__ import annotations

import random
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.ownership.map import OwnershipMap
from tests.streams.support import Said, address, statements, whos

SECOND = 1_000_000
SKEW, GAP, WINDOW = SECOND // 4, 25 * SECOND, 10 * SECOND
HORIZON = 600 * SECOND
ADDRESSES = 5


@dataclass(frozen=True)
class Holding:
    """True time. A stranger holds an address without any agent that says so."""

    ip: int
    owner: str
    node: int
    start_us: int
    end_us: int
    stranger: bool


@dataclass(frozen=True)
class Score:
    right: int
    wrong: int
    nameless: int


def holdings(chance: random.Random, mean_us: int, strangers: float) -> list[Holding]:
    held: list[Holding] = []
    for ip in range(ADDRESSES):
        now = 0
        while now < HORIZON:
            start = now + chance.choice([0, 0, int(chance.expovariate(1 / mean_us))])
            now = start + 1 + int(chance.expovariate(1 / mean_us))
            held.append(Holding(ip, f"w{len(held)}", chance.randrange(4), start, now, chance.random() < strangers))
    return held


def heartbeats(chance: random.Random, held: list[Holding], clocks: list[int], lost: float) -> list[Said]:
    """What the nodes say, each by its own clock and in its own windows; a lost window is lost for the whole node."""
    missing = {(node, window) for node in range(4) for window in range(-1, HORIZON // WINDOW + 400) if chance.random() < lost}
    said = []
    for one in held:
        if one.stranger:
            continue
        start, end = one.start_us + clocks[one.node], one.end_us + clocks[one.node]
        for window in range(start // WINDOW, (end - 1) // WINDOW + 1):
            if (one.node, window) not in missing:
                part = max(start, window * WINDOW), min(end, (window + 1) * WINDOW)
                said.append(Said(one.owner, *part, address(one.ip), node=f"n{one.node}"))
    latest = max(one.end_us for one in held) + 10 * WINDOW
    said += [Said(f"node/n{node}", -10 * WINDOW, latest, address(100 + node), node=f"n{node}") for node in range(4)]
    chance.shuffle(said)
    return said


def score(seed: int, *, mean_us: int, lost: float, strangers: float, margin_us: int, skew_us: int = SKEW) -> Score:
    chance = random.Random(seed)
    held = holdings(chance, mean_us, strangers)
    clocks = [chance.randint(-skew_us // 2, skew_us // 2) for _ in range(4)]
    known = OwnershipMap(gap_us=GAP, skew_us=SKEW, margin_us=margin_us)
    known.learn(statements(heartbeats(chance, held, clocks, lost)))
    right = wrong = nameless = 0
    for ip in range(ADDRESSES):
        flows = [flow for one in held if one.ip == ip for flow in _flows_of(chance, one, clocks)]
        answers = whos(known, [span for _, span in flows], address(ip))
        for (owner, _), answer in zip(flows, answers, strict=True):
            right += answer == owner
            nameless += answer[0] == "("
            wrong += answer != owner and answer[0] != "("
    return Score(right, wrong, nameless)


def _flows_of(chance: random.Random, held: Holding, clocks: list[int]) -> list[tuple[str, tuple[int, int]]]:
    """Flows to the holder within its time, many of them right at its ends, by the clocks of their observers."""
    flows = []
    for _ in range(12):
        first = chance.randint(held.start_us, held.end_us - 1)
        last = min(held.end_us - 1, first + chance.randint(0, 3 * SECOND))
        edge = chance.random()
        first, last = (held.start_us, held.start_us) if edge < 0.1 else (held.end_us - 1, held.end_us - 1) if edge > 0.9 else (first, last)
        clock = chance.choice(clocks)
        flows.append(("" if held.stranger else held.owner, (first + clock, last + clock)))
    return flows


churn = st.sampled_from([2, 5, 15, 60, 300]).map(lambda seconds: seconds * SECOND)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), churn)
def test_with_every_heartbeat_there(seed: int, mean_us: int) -> None:
    result = score(seed, mean_us=mean_us, lost=0.0, strangers=0.0, margin_us=-SKEW)
    assert result.wrong == 0
    assert result.right > 0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), churn, st.sampled_from([0.0, 0.1, 0.5]), st.sampled_from([0.0, 0.3]))
def test_with_lost_heartbeats_and_strangers(seed: int, mean_us: int, lost: float, strangers: float) -> None:
    assert score(seed, mean_us=mean_us, lost=lost, strangers=strangers, margin_us=SKEW).wrong == 0


def test_the_simulation_would_notice() -> None:
    """Stretching where heartbeats are lost, or clocks beyond the tolerance, must give wrong names, or nothing was tested."""
    stretched = [score(seed, mean_us=5 * SECOND, lost=0.3, strangers=0.3, margin_us=-SKEW) for seed in range(5)]
    skewed = [score(seed, mean_us=5 * SECOND, lost=0.0, strangers=0.0, margin_us=-SKEW, skew_us=8 * SKEW) for seed in range(5)]
    assert sum(result.wrong for result in stretched) > 0
    assert sum(result.wrong for result in skewed) > 0


def test_most_flows_are_named() -> None:
    """Lives of ten minutes. A fifth of the flows here lie within milliseconds of a change, where the others are named."""
    healthy = [score(seed, mean_us=600 * SECOND, lost=0.0, strangers=0.0, margin_us=-SKEW) for seed in range(8)]
    lossy = [score(seed, mean_us=600 * SECOND, lost=0.1, strangers=0.0, margin_us=SKEW) for seed in range(8)]
    for results in (healthy, lossy):
        right, nameless = sum(result.right for result in results), sum(result.nameless for result in results)
        assert nameless < 0.25 * (right + nameless)
