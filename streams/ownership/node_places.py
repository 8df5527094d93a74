"""Where nodes are, by time: what their batches say, and what other workers tell of the nodes whose batches they read.

A node's stays are a set of facts: there, from a window on, and until which window it was heard there. Stays are joined by taking the later
end, so that messages teach the same in any order and any number of times. A worker tells a stay when it begins, and all of them as far as
they go when another one begins; while a node stays, nothing is told, and nothing is done but a look at its batch.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from schemas.records.flow_batch import FlowBatch
from schemas.records.node_place import NodePlace

MAX_NODES = 200_000
STAYS = 8
"""Of a node the latest stays are kept. Before the first of them nobody knows where it was."""
_GONE = 20_000

Place = tuple[str, str]
"""Region and zone."""


@dataclass(slots=True)
class _Stay:
    """`told_us`: up to when others know of it."""

    since_us: int
    place: Place
    until_us: int
    told_us: int


def _order(stay: _Stay) -> tuple[int, Place]:
    return stay.since_us, stay.place


class Piece(NamedTuple):
    """From `start_us` to the next piece. Empty: not known."""

    start_us: int
    region: str
    zone: str


class NodePlaces:
    """By node id. `refused`: nodes that were not noted, because there were `max_nodes`. Not safe for use by several threads at once."""

    def __init__(self, max_nodes: int = MAX_NODES) -> None:
        self.max_nodes = max_nodes
        self.refused = 0
        self._stays: dict[str, list[_Stay]] = {}
        self._read: set[str] = set()  # nodes whose batches this worker reads, and has told of
        self._settled: dict[str, _Stay] = {}  # of these: where a node is, beyond doubt, from the stay's beginning on
        self._timelines: dict[str, list[Piece]] = {}
        self._owed: list[NodePlace] = []
        self._gone: list[NodePlace] = []

    def __len__(self) -> int:
        return len(self._stays)

    # Learning.

    def hear(self, batches: Sequence[FlowBatch], region: str) -> list[NodePlace]:
        """Learn where the batches' nodes are; `region` is for batches that name none. Returns what others have to be told."""
        settled = self._settled
        for batch in batches:
            stay, start_us, end_us = settled.get(batch.node_id), batch.window_start_us, batch.window_end_us
            place = batch.region or region, batch.zone
            if stay is None or stay.place != place or start_us < stay.since_us:
                self._hear(batch.node_id, place, start_us, end_us)
            elif end_us > stay.until_us:
                stay.until_us = end_us
        owed, self._owed = self._owed, []
        return owed

    def learn(self, told: NodePlace) -> None:
        """What another worker tells, or this one told before it was started anew."""
        node, place = told.node_id, (told.region, told.zone)
        stays = self._of(node)
        if stays is None:
            return
        same = [stay for stay in stays if stay.since_us == told.since_us and stay.place == place]
        for stay in same:
            stay.until_us, stay.told_us = max(stay.until_us, told.until_us), max(stay.told_us, told.until_us)
        if not same:
            self._add(node, stays, _Stay(told.since_us, place, told.until_us, told.until_us))
            self._owe(node, stays)  # who told did not know how long a stay went on that this worker heard of
        self._look(node, stays)

    def tell_anew(self) -> None:
        """Tell of each node once more when it is heard next: this worker reads other nodes' batches from now on."""
        self._read.clear()
        self._settled.clear()

    def forget(self, before_us: int, alive: Collection[str]) -> None:
        """Drop stays that ended by then, but for the last one of a node that is `alive`: others may know better how long that goes on."""
        for node, stays in list(self._stays.items()):
            last = max(stays, key=_end)
            kept = [stay for stay in stays if stay.until_us > before_us or (stay is last and node in alive)]
            if len(kept) == len(stays):
                continue
            self._drop(node, [stay for stay in stays if stay not in kept])
            if kept:
                self._stays[node] = kept
                self._look(node, kept)
            else:
                del self._stays[node]
                self._read.discard(node)
                self._settled.pop(node, None)
                self._timelines.pop(node, None)

    def gone(self) -> list[NodePlace]:
        """Stays that were dropped since this was asked last; not more than so many of them."""
        gone, self._gone = self._gone, []
        return gone

    # Looking up.

    def timeline(self, node: str) -> list[Piece]:
        """Sorted, without two neighbours that say the same; empty where nothing is known of the node."""
        found = self._timelines.get(node)
        if found is None:
            if node not in self._stays:
                return []
            found = self._timelines[node] = _timeline(self._stays[node])
        return found

    # By node.

    def _of(self, node: str) -> list[_Stay] | None:
        stays = self._stays.get(node)
        if stays is None:
            if len(self._stays) >= self.max_nodes:
                self.refused += 1
                return None
            stays = self._stays[node] = []
        return stays

    def _hear(self, node: str, place: Place, start_us: int, end_us: int) -> None:
        stays = self._of(node)
        if stays is None or (not place[1] and _is_zoned(stays, place[0], start_us)):
            return
        first = node not in self._read
        self._read.add(node)
        if _places_at(stays, start_us) == {place}:
            stay = max((stay for stay in stays if stay.place == place and stay.since_us <= start_us), key=_end)
            stay.until_us = max(stay.until_us, end_us)
            if first:
                stay.told_us = 0
                self._owe(node, stays)
        else:
            self._add(node, stays, _Stay(start_us, place, end_us, 0))
            self._owe(node, stays)
        self._look(node, stays)

    def _add(self, node: str, stays: list[_Stay], stay: _Stay) -> None:
        """A stay that begins with another of the same place is that one."""
        same = [known for known in stays if _order(known) == _order(stay)]
        for known in same:
            known.until_us = max(known.until_us, stay.until_us)
        if not same:
            insort(stays, stay, key=_order)
        self._drop(node, stays[:-STAYS])
        del stays[:-STAYS]

    def _owe(self, node: str, stays: Iterable[_Stay]) -> None:
        """Others have to be told what they do not know."""
        for stay in stays:
            if stay.told_us < stay.until_us:
                stay.told_us = stay.until_us
                self._owed.append(_record(node, stay))

    def _look(self, node: str, stays: list[_Stay]) -> None:
        """The stays have changed."""
        self._timelines.pop(node, None)
        self._settled.pop(node, None)
        if node in self._read:
            last = max(stays, key=_end)
            if all(stay.place == last.place or stay.until_us <= last.since_us for stay in stays):
                self._settled[node] = last

    def _drop(self, node: str, stays: Iterable[_Stay]) -> None:
        self._gone += [_record(node, stay) for stay in stays][: _GONE - len(self._gone)]


def _end(stay: _Stay) -> tuple[int, int]:
    return stay.until_us, stay.since_us


def _record(node: str, stay: _Stay) -> NodePlace:
    return NodePlace(node, *stay.place, stay.since_us, stay.until_us)


def _places_at(stays: Sequence[_Stay], at_us: int) -> set[Place]:
    """Where the node may have been: one place, where that is known.

    Where it was heard of windows on both sides. Else where it was before and where it was next; or, if nothing came next, before.
    """
    inside = {stay.place for stay in stays if stay.since_us <= at_us < stay.until_us}
    before = [stay for stay in stays if stay.until_us <= at_us]
    if inside or not before:
        return _telling(inside)
    last_us = max(stay.until_us for stay in before)
    next_us = min((stay.since_us for stay in stays if stay.since_us > at_us), default=None)
    at_last = _telling({stay.place for stay in before if stay.until_us == last_us})
    return at_last | {stay.place for stay in stays if stay.since_us == next_us}


def _telling(places: set[Place]) -> set[Place]:
    """Without those that name no zone where others of one time name one: a batch may not know what another of its window does."""
    zoned = {region for region, zone in places if zone}
    return {(region, zone) for region, zone in places if zone or region not in zoned}


def _is_zoned(stays: Iterable[_Stay], region: str, at_us: int) -> bool:
    """Whether the zone is known, of a window that ended then or later: a batch that names none says nothing new."""
    return any(stay.place[0] == region and stay.place[1] and stay.since_us <= at_us <= stay.until_us for stay in stays)


def _timeline(stays: Sequence[_Stay]) -> list[Piece]:
    pieces: list[Piece] = []
    for at_us in sorted({stay.since_us for stay in stays} | {stay.until_us for stay in stays}):
        places = _places_at(stays, at_us)
        region, zone = (_only({place[part] for place in places}) for part in (0, 1))
        if not pieces or pieces[-1][1:] != (region, zone):
            pieces.append(Piece(at_us, region, zone))
    return pieces


def _only(texts: set[str]) -> str:
    return next(iter(texts)) if len(texts) == 1 else ""
