"""What watchers say, in few words, and the slow, obvious answer to "what stood behind this address, then"."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from schemas.records.cluster import ServiceAddress, WatcherWatermark
from streams.ownership.service_history import AMBIGUOUS, GAP, NAMED, NOTHING, SHARED, Verdict
from streams.ownership.services import ServiceMap
from tests.streams.support import address

Word = ServiceAddress | WatcherWatermark


def behind(since_us: int, *workloads: str, service: str = "shop/web", last: int = 1, port: int = 80, watcher: str = "w1") -> ServiceAddress:
    return ServiceAddress("default", address(last), 6, port, service, workloads, since_us, watcher)


def over(since_us: int, watcher: str = "w1") -> ServiceAddress:
    """No service any more."""
    return behind(since_us, service="", watcher=watcher)


def watched(since_us: int, until_us: int, watcher: str = "w1") -> WatcherWatermark:
    return WatcherWatermark("default", watcher, since_us, until_us)


def knowing(*words: Word) -> ServiceMap:
    known = ServiceMap()
    known.learn(words)
    return known


def verdicts(known: ServiceMap, spans: Sequence[tuple[int, int]], last: int = 1, port: int = 80, network: str = "default") -> list[Verdict]:
    rows = len(spans)
    first, until = (np.array([span[end] for span in spans], np.int64) for end in (0, 1))
    columns = np.zeros(rows, np.uint32), np.tile(np.frombuffer(address(last), np.uint8), (rows, 1)), np.full(rows, 6, np.uint8)
    number, found = known.find((network,), *columns, np.full(rows, port, np.uint16), first, until)
    return [found[at] for at in number.tolist()]


def verdict(known: ServiceMap, first_us: int, last_us: int, last: int = 1) -> Verdict:
    return verdicts(known, [(first_us, last_us)], last)[0]


def oracle(words: Sequence[Word], first_us: int, last_us: int, last: int = 1) -> Verdict:
    """By looking at each microsecond; watermarks of one watcher that touch are one. For small times only."""
    told = [one for one in words if isinstance(one, ServiceAddress) and one.ip == address(last)]
    if not told:
        return Verdict(NOTHING)
    spans = range(first_us, last_us + 1)
    said = set()
    for watcher in {one.watcher for one in told}:
        marks = [one for one in words if isinstance(one, WatcherWatermark) and one.watcher == watcher]
        heard = {at for mark in marks for at in range(mark.since_us, mark.until_us + 1)}
        # Two spans that meet in no instant leave room between them, however little.
        joined = all(any({at, at + 1} <= set(range(m.since_us, m.until_us + 1)) for m in marks) for at in spans[:-1])
        if heard.issuperset(spans) and joined:
            said.add(_word([one for one in told if one.watcher == watcher], spans))
    if not said:
        return Verdict(GAP)
    return said.pop() if len(said) == 1 else Verdict(AMBIGUOUS)


def _word(told: Sequence[ServiceAddress], spans: range) -> Verdict:
    states = set()
    for at in spans:
        begun = max((one.since_us for one in told if one.since_us <= at), default=None)
        if begun is None:
            return Verdict(GAP)
        states |= {(one.service, one.workloads) for one in told if one.since_us == begun}
    services = {service for service, _ in states}
    if len(services) > 1:
        return Verdict(AMBIGUOUS)
    (service,) = services
    if not service:
        return Verdict(NOTHING)
    sets = {workloads for _, workloads in states}
    if len(sets) == 1 and len(only := next(iter(sets))) == 1 and only[0]:
        return Verdict(NAMED, service, only[0])
    return Verdict(SHARED, service)
