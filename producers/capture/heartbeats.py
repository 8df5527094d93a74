"""Heartbeats: what was held, and since when, as far as the agent can vouch for it.

Holdings are looked at when a window ends. One that was there at both ends of a window is claimed for all of it. One
that vanished in between is claimed for the time that its own packets prove. One that appeared, for that time, too,
and as far back as the kernel's records prove it, but never into the time of another holder: not beyond the last look,
nor beyond the last packet of anybody else's to or from the address. Between two looks there may be a short silence of
the agent itself: its restart, or a window's end that it missed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from producers.capture.aggregate import Folded
from producers.capture.batches import Heartbeat
from producers.identity.holdings import Holding
from producers.identity.last_snapshot import Snapshot
from producers.identity.netns_addresses import is_global
from schemas.records.flow_batch import ROLE_SERVER

SILENCE_LIMIT_US = 60_000_000
"""After a longer time of not looking, nothing is said of it: a stranger may have held the address meanwhile."""

Span = tuple[int, int]
Evidence = Mapping[Holding, Span]


class HeartbeatTracker:
    """Remembers up to when each holding has been claimed. `seen` is what was found at `now_us`, as the watch begins.

    What was there at a predecessor's `last` look, too, is claimed from then on, if that is not too long ago.
    """

    def __init__(self, seen: Collection[Holding], now_us: int, node_workload: str, last: Snapshot | None = None) -> None:
        self._until = dict.fromkeys(seen, now_us)
        if last is not None and 0 <= now_us - last.at_us <= SILENCE_LIMIT_US:
            self._until |= dict.fromkeys(last.seen.intersection(seen), last.at_us)
        self._looked_us = now_us
        self._node = node_workload

    def resume(self, seen: Collection[Holding], now_us: int) -> None:
        """A window's end was missed. After too long without an inventory the heartbeats begin anew."""
        if not 0 <= now_us - self._looked_us <= SILENCE_LIMIT_US:
            self._until, self._looked_us = dict.fromkeys(seen, now_us), now_us

    def heartbeats(
        self, seen: Collection[Holding], folded: Folded, observed_us: int, since_us: Mapping[Holding, int] | None = None
    ) -> tuple[Heartbeat, ...]:
        """What can be said of the time since the last look, from the holdings found at `observed_us` and the flows since.

        `since_us`: from when on each has been held at the latest, where that is known.
        """
        proof = evidence(folded, self._node)
        before, self._until = self._until, dict.fromkeys(seen, observed_us)
        looked_us, self._looked_us = self._looked_us, observed_us
        new = {holding: start for holding, start in (since_us or {}).items() if holding not in before}
        free_us = _free_since(new, folded, looked_us)
        heartbeats: list[Heartbeat] = []
        for holding in seen:
            first, _ = proof.get(holding, (observed_us, observed_us))
            if holding in new:
                first = min(first, max(new[holding], free_us[holding]))
            heartbeats += _claim(holding, before.get(holding, first), observed_us)
        for holding in before.keys() - set(seen):
            if holding in proof:
                heartbeats += _claim(holding, before[holding], proof[holding][1] + 1)
        heartbeats += _passing(proof, {holding.ip for holding in (*seen, *before)}, self._node)
        return tuple(sorted(heartbeats, key=lambda heartbeat: (heartbeat.holding, heartbeat.start_us)))


def published(heartbeats: Sequence[Heartbeat], name: Callable[[str], str]) -> tuple[Heartbeat, ...]:
    """The same under the names that leave the node. Where two holders have one, each says its own time under it."""
    named = (replace(beat, holding=replace(beat.holding, workload=name(beat.holding.workload))) for beat in heartbeats)
    return tuple(sorted(named, key=lambda heartbeat: (heartbeat.holding, heartbeat.start_us)))


def _free_since(holdings: Collection[Holding], folded: Folded, looked_us: int) -> dict[Holding, int]:
    """From when on nobody else can have had a holding's address: the last look, or another's last packet there.

    Here a packet that was only received counts, too: whoever got it may have been its holder.
    """
    free = dict.fromkeys(holdings, looked_us)
    if not free:
        return free
    others: dict[bytes, list[tuple[str, int]]] = {}
    for row, _, last in _spans(folded, np.arange(len(folded.flows)), with_port=False):
        workload = folded.workloads[folded.flows.local_workload[row]]
        others.setdefault(folded.flows.local_ip[row].tobytes(), []).append((workload, last))
    for holding in free:
        for workload, last in others.get(holding.ip, ()):
            if workload != holding.workload:
                free[holding] = max(free[holding], last + 1)
    return free


def _claim(holding: Holding, start_us: int, end_us: int) -> list[Heartbeat]:
    return [Heartbeat(holding, start_us, end_us)] if start_us < end_us else []


def _passing(proof: Evidence, known: set[bytes], node_workload: str) -> list[Heartbeat]:
    """Holders that came and went within the window. Two of them on one address prove nothing about either."""
    holders: dict[bytes, list[Holding]] = {}
    for holding in proof:
        if holding.port == 0 and holding.workload != node_workload and holding.ip not in known and is_global(holding.ip):
            holders.setdefault(holding.ip, []).append(holding)
    alone = [found[0] for found in holders.values() if len(found) == 1]
    return [Heartbeat(holding, proof[holding][0], proof[holding][1] + 1) for holding in alone]


def evidence(folded: Folded, node_workload: str) -> dict[Holding, Span]:
    """First and last packet by which each workload spoke from an address, and answered on a port of it.

    Only what a workload sent is proof: packets to a broadcast or multicast address reach those who do not hold it.
    """
    flows = folded.flows
    spoke = flows.packets_sent > 0
    spans: dict[Holding, Span] = {}
    for rows, with_port in ((spoke, False), (spoke & (flows.role == ROLE_SERVER), True)):
        for row, first, last in _spans(folded, np.flatnonzero(rows), with_port):
            workload = folded.workloads[flows.local_workload[row]]
            holding = Holding(flows.local_ip[row].tobytes(), workload)
            if with_port:
                holding = replace(holding, port=int(flows.service_port[row]), protocol=int(flows.protocol[row]))
            elif workload != node_workload:
                _widen(spans, replace(holding, workload=node_workload), first, last)
            if workload:
                _widen(spans, holding, first, last)
    return spans


def _widen(spans: dict[Holding, Span], holding: Holding, first: int, last: int) -> None:
    known = spans.get(holding, (first, last))
    spans[holding] = (min(known[0], first), max(known[1], last))


def _spans(folded: Folded, rows: NDArray[np.intp], with_port: bool) -> list[tuple[int, int, int]]:
    """(a row that stands for the group, first instant, last instant) for each holder among the rows."""
    if not len(rows):
        return []
    flows = folded.flows
    parts = [flows.local_ip[rows].view(">u8"), flows.local_workload[rows].astype(">u8").reshape(-1, 1)]
    if with_port:
        parts.append((flows.service_port[rows].astype(">u8") << np.uint64(8) | flows.protocol[rows]).reshape(-1, 1))
    keys = np.hstack(parts)
    order = np.lexsort(keys.T)
    changed = np.ones(len(order), bool)
    changed[1:] = (keys[order][1:] != keys[order][:-1]).any(axis=1)
    starts = np.flatnonzero(changed)
    first = np.minimum.reduceat(flows.first_seen_us[rows][order], starts)
    last = np.maximum.reduceat(flows.last_seen_us[rows][order], starts)
    return list(zip(rows[order][starts].tolist(), first.tolist(), last.tolist(), strict=True))
