"""A fortnight of 500 edges by steps of five minutes, healthy or with faults whose beginning, end and harm are known.

Connections are Poisson, 0.1 to 500 a minute in the mean, with a day and a week; failures and resets are a share of each edge's own;
retransmits come in bursts; times are lognormal around a median that wanders by the step and by the hour.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy import special

from schemas.records.histogram import BOUNDS_US
from streams.insights.health.signals import CONNECT, DAY_S, FAILURE, RESET, RETRANSMIT, RTT, SHARES, SLOW_FROM, STEP_S, Bools, Floats, Ints

EDGES, SERVERS, CLIENTS, DAYS = 500, 60, 120, 14
DAY = DAY_S // STEP_S
STEPS = DAYS * DAY
START_S = 1_767_571_200
"""2026-01-05 00:00:00 UTC, a Monday."""
FAULTS = 60
HEALTHY_DAYS = 2
"""Before the first fault: a fault is a change, and there is to be something that it changes."""
CONNECTION_PACKETS, CONNECTION_SAMPLES, BURST = 20, 3, 3
BURST_SPREAD = 2 * BURST - 1
"""The variance of a count that comes in such bursts, beside its mean: so many of them tell as much as one that comes alone."""

Kind = Literal["failure", "rtt", "retransmit", "outage", "stop"]
KINDS: tuple[Kind, ...] = ("failure", "failure", "rtt", "retransmit", "outage", "stop")
_EVENTS: dict[Kind, tuple[int, float]] = {
    "failure": (FAILURE, 1), "outage": (FAILURE, 1), "rtt": (RTT, CONNECTION_SAMPLES), "retransmit": (RETRANSMIT, BURST_SPREAD),
}  # fmt: skip
"""What a fault makes bad, and how many of these tell as much as one connection."""
_WORTH_US = 2_000
"""Of a shorter time 1 ms is more than the double."""


@dataclass(frozen=True)
class Fault:
    """`edges` are touched in the steps from `start` to `end`.

    `excess`: connections that it spoiled: bad ones beyond the edge's own share of all other steps, as they were drawn. Of retransmits: as
    many single events as would tell the same. Of a stop, connections that did not come: in the mean.
    """

    kind: Kind
    edges: tuple[int, ...]
    start: int
    end: int
    excess: float


@dataclass(frozen=True)
class Fortnight:
    """`bad`, `tried`: (signals, edges, steps). `client`, `server`: of each edge."""

    bad: Floats
    tried: Floats
    client: Ints
    server: Ints
    faults: tuple[Fault, ...]


@dataclass
class _Rates:
    """(edges, steps) or (edges, 1): connections a step, shares, and what times are multiplied by."""

    connections: Floats
    failing: Floats
    bursts: Floats
    slower: Floats


def fortnight(seed: int, faults: int = FAULTS) -> Fortnight:
    random = np.random.default_rng(seed)
    client, server = random.integers(0, CLIENTS, EDGES), random.integers(0, SERVERS, EDGES)
    rates = _usual(random)
    median_us = np.exp(random.uniform(np.log(200), np.log(30_000), EDGES))
    planted = _plant(random, faults, rates, client, server, median_us)
    bad, tried = np.zeros((len(SHARES), EDGES, STEPS)), np.zeros((len(SHARES), EDGES, STEPS))
    tries = random.poisson(rates.connections)
    failed = random.binomial(tries, rates.failing)
    opened = tries - failed
    bad[FAILURE], tried[FAILURE] = failed, tries
    bad[RESET], tried[RESET] = random.binomial(opened, random.beta(0.3, 6, (EDGES, 1))), opened
    packets = opened * CONNECTION_PACKETS
    bad[RETRANSMIT], tried[RETRANSMIT] = _bursts(random, packets * rates.bursts), packets
    for signal, slower, samples in ((RTT, rates.slower, CONNECTION_SAMPLES), (CONNECT, np.ones((1, 1)), 1)):
        tried[signal] = opened * samples
        bad[signal] = _slow(random, opened * samples, median_us, slower)
    bad[RETRANSMIT] = np.minimum(bad[RETRANSMIT], tried[RETRANSMIT])
    return Fortnight(bad, tried, client, server, _with_excess(planted, bad, tried))


def _with_excess(planted: tuple[Fault, ...], bad: Floats, tried: Floats) -> tuple[Fault, ...]:
    calm = np.ones((EDGES, STEPS), np.bool_)
    for fault in planted:
        calm[list(fault.edges), fault.start : fault.end] = False
    return tuple(fault if fault.kind == "stop" else replace(fault, excess=_excess(fault, bad, tried, calm)) for fault in planted)


def _excess(fault: Fault, bad: Floats, tried: Floats, calm: Bools) -> float:
    signal, events = _EVENTS[fault.kind]
    edges, span = list(fault.edges), slice(fault.start, fault.end)
    own_bad, own_tried = ((part[signal, edges] * calm[edges]).sum(axis=1) for part in (bad, tried))
    usual = own_bad / np.maximum(own_tried, 1)
    return float((bad[signal, edges, span].sum(axis=1) - usual * tried[signal, edges, span].sum(axis=1)).sum()) / events


def _usual(random: np.random.Generator) -> _Rates:
    mean = np.exp(random.uniform(np.log(0.1), np.log(500), (EDGES, 1))) * STEP_S / 60
    step = np.arange(STEPS)
    phase, swing = random.normal(0, 0.05, (EDGES, 1)), random.uniform(0.1, 0.8, (EDGES, 1))
    day = 1 + swing * np.sin(2 * np.pi * (step / DAY - 0.3 + phase))
    week = np.where(step // DAY % 7 >= 5, random.uniform(0.3, 1.0, (EDGES, 1)), 1.0)
    failing = np.broadcast_to(np.exp(random.uniform(np.log(1e-5), np.log(1e-2), (EDGES, 1))), (EDGES, STEPS)).copy()
    bursts = np.broadcast_to(np.exp(random.uniform(np.log(1e-4), np.log(2e-3), (EDGES, 1))), (EDGES, STEPS)).copy()
    return _Rates(mean * day * week, failing, bursts, np.ones((EDGES, STEPS)))


def _bursts(random: np.random.Generator, expected: Floats) -> Floats:
    """BURST packets at once in the mean, by a geometric law: so many bursts, and what they have beyond their first."""
    bursts = random.poisson(expected / BURST)
    return np.asarray(bursts + random.negative_binomial(np.maximum(bursts, 1), 1 / BURST) * (bursts > 0), np.float64)


def _slow(random: np.random.Generator, samples: Ints, median_us: Floats, slower: Floats) -> Floats:
    bucket = np.searchsorted(BOUNDS_US, median_us, "right") - 1
    limit = np.append(np.array(BOUNDS_US, np.float64), np.inf)[np.array(SLOW_FROM)[bucket]]
    width = random.uniform(0.2, 0.5, (EDGES, 1))
    hour = 1 + 0.05 * np.sin(2 * np.pi * np.arange(STEPS) / DAY)
    wander = np.exp(random.normal(0, 0.05, samples.shape))
    above = np.log(limit[:, None] / (median_us[:, None] * hour * wander * slower)) / width
    return np.asarray(random.binomial(samples, special.ndtr(-above)), np.float64)


def _plant(random: np.random.Generator, count: int, rates: _Rates, client: Ints, server: Ints, median_us: Floats) -> tuple[Fault, ...]:
    """Six hours apart on any edge, and spread over the fortnight."""
    taken = np.zeros((EDGES, STEPS), np.bool_)
    planted: list[Fault] = []
    while len(planted) < count:
        kind = KINDS[len(planted) % len(KINDS)]
        edges = _touched(random, kind, client, server, median_us)
        steps = int(np.exp(random.uniform(np.log(4), np.log(72))))
        start = int(random.integers(HEALTHY_DAYS * DAY, STEPS - steps))
        around = slice(max(0, start - 72), start + steps + 72)
        if taken[edges, around].any():
            continue
        taken[edges, around] = True
        span = slice(start, start + steps)
        planted.append(Fault(kind, tuple(edges.tolist()), start, start + steps, _spoil(random, kind, rates, edges, span)))
    return tuple(planted)


def _touched(random: np.random.Generator, kind: Kind, client: Ints, server: Ints, median_us: Floats) -> Ints:
    if kind == "outage":
        return np.flatnonzero(server == server[random.integers(EDGES)])
    if kind == "stop":
        return np.flatnonzero(client == client[random.integers(EDGES)])
    fit = np.flatnonzero(median_us >= _WORTH_US) if kind == "rtt" else np.arange(EDGES)
    return np.asarray(random.choice(fit, 1))


def _spoil(random: np.random.Generator, kind: Kind, rates: _Rates, edges: Ints, span: slice) -> float:
    """Changes the rates; connections that are missing then, in the mean."""
    if kind == "rtt":
        rates.slower[edges, span] = 2.0
    elif kind == "retransmit":
        rates.bursts[edges, span] *= 5
    elif kind == "stop":
        missing = float(rates.connections[edges, span].sum())
        rates.connections[edges, span] = 0.0
        return missing
    else:
        share = 1.0 if kind == "outage" else float(np.exp(random.uniform(np.log(0.03), 0.0)))
        rates.failing[edges, span] += share * (1 - rates.failing[edges, span])
    return 0.0
