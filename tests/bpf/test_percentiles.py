"""Quantiles of round trips and of connects, read from the kernel's histograms, against the sockets' own times over a slow link."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from bpf.probe import Drained
from schemas.records.histogram import BOUNDS_US, Histogram
from tests.bpf.conftest import Pair
from tests.bpf.support import CLIENT, SERVER, drain, end, output, start, tell, total, traffic
from tests.support.slow_link import THERE, SlowLink

CONNECTIONS = 61
FURTHER = 12
"""Samples that connections may have beyond one each. More of them would show nothing."""
MIDDLES = [np.sqrt(low * high) for low, high in zip(BOUNDS_US[1:], BOUNDS_US[2:], strict=False)]


def delay_seconds(number: int) -> float:
    """From half a millisecond to 35 ms, in the order of a shuffled deck."""
    return 0.0005 * 1.0734 ** (number * 23 % CONNECTIONS)


def samples(histogram: Histogram, drained: Drained, role: int) -> NDArray[np.float64]:
    """Each sample as the geometric middle of its bucket, sorted."""
    chosen = drained.keys["role"][histogram.row] == role
    middles = np.array([BOUNDS_US[1] / 2, *MIDDLES, BOUNDS_US[-1]])
    return np.sort(np.repeat(middles[histogram.bucket[chosen]], histogram.samples[chosen]))


def rank(length: int, percent: int) -> int:
    """Counted from 0."""
    return -(-length * percent // 100) - 1


def nearest_rank(values: NDArray[np.float64], percent: int) -> float:
    return float(values[rank(len(values), percent)])


def true_range(own: NDArray[np.float64], percent: int, further: int) -> tuple[float, float]:
    """Where a percentile of samples may be that are the sockets' own times, and `further` ones.

    They are of as many sockets at most, so that twice as many samples may be of any time, and all others are sockets' last times.
    """
    place = rank(len(own) + further, percent)
    return float(own[max(0, place - 2 * further)]), float(own[min(len(own) - 1, place + further)])


def test_percentiles_are_within_a_fifth_of_the_sockets_own(pair: Pair) -> None:
    pair.begin()
    with SlowLink(pair.client.netns, pair.server.netns, delay_seconds):
        said = output(pair.client, "rtt", THERE, 80, CONNECTIONS)
    # Before the first exchange a socket knows one round trip: that of its handshake. In the program connect() took longer, by as much
    # as a busy machine lets it wait.
    own, took, _ = np.sort(np.array([line.split() for line in said.splitlines()], np.float64), axis=0).T
    assert (own <= took).all() and own.min() < 3_000 < 30_000 < own.max(), "the link delayed as it should"
    drained = drain(pair.probe)
    # A connection that a busy machine keeps open beyond the interval of samples has a second one, and another last time.
    sampled = total(drained, pair.client)["rtt_count"]
    assert CONNECTIONS <= sampled <= CONNECTIONS + FURTHER
    for histogram, taken in ((drained.rtt, sampled), (drained.connect, CONNECTIONS)):
        counted = samples(histogram, drained, CLIENT)
        assert len(counted) == taken
        for percent in (50, 95, 99):
            low, high = true_range(own, percent, taken - CONNECTIONS)
            assert 0.8 * low <= nearest_rank(counted, percent) <= 1.2 * high, f"p{percent}, {taken - CONNECTIONS} further samples"


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_each_sample_stands_in_a_bucket(pair: Pair, family: str) -> None:
    pair.begin()
    traffic(pair.client, "tcp", getattr(pair.server, family), 80, 23, 7919, 104_729)
    drained = drain(pair.probe)
    for pod, role, connects in ((pair.client, CLIENT, 23), (pair.server, SERVER, 0)):
        counts = total(drained, pod)
        assert counts["connections_opened"] == 23
        assert len(samples(drained.rtt, drained, role)) == counts["rtt_count"] > 0
        assert len(samples(drained.connect, drained, role)) == connects, "only clients connect"


def test_samples_belong_to_the_window_in_which_they_were_taken(pair: Pair) -> None:
    pair.begin()
    process = start(pair.client, "hold", pair.server.ipv4, 80, 7, 101, 103)
    opened = drain(pair.probe)
    tell(process)
    later = drain(pair.probe)
    end(process)
    assert (opened.connect.samples.sum(), later.connect.samples.sum()) == (7, 0)
    for drained in (opened, later):
        assert drained.rtt.samples.sum() == drained.values["rtt_count"].sum()


def test_a_refused_connect_has_no_time(pair: Pair) -> None:
    pair.begin()
    traffic(pair.client, "refused", pair.server.ipv4, 81, 13)
    assert len(drain(pair.probe).connect) == 0
