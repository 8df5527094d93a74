"""Who had this address, then: the ownership map of a region.

What is stored is the union of all that was said, per address, owner and node: in any order, with any repetition, the
same map. From it follows each address's timeline, kept beside it for look-ups: pieces with one owner, pieces with
SEVERAL, and silence. Not safe for use by several threads at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from schemas.arrays import I64, U8, U16, U32
from schemas.instants import FOREVER_US, NEVER_US
from schemas.records.ip_event import IpEvent
from streams.columns.strings import StringTable
from streams.ownership.address_index import AddressIndex, key_columns, split_keys
from streams.ownership.asof import Tolerance
from streams.ownership.gaps import bridge_gaps
from streams.ownership.intervals import OwnedIntervals, Timeline, flatten, subtract, union
from streams.ownership.ip_events import Event, Sign, ranges_of_events
from streams.ownership.observations import Observations
from streams.ownership.ragged import RaggedArray

NODE_PREFIX = "node/"
"""Names of nodes: they hold the addresses that several workloads share."""

_CHUNK = 65_536


class OwnershipMap:
    """`gap_us`: a silence of an address's owner that is longer is nobody's time; see `bridge_gaps`, also for `window_us`, which every
    agent's window must be a multiple of. `skew_us`: how far two nodes' clocks may be apart.

    `margin_us`: by how much a range must outlast a flow that it names. With skew_us, the default, whatever the clocks say
    the owner held the address while the flow lasted, and no heartbeat that was lost, and nobody who never sends one, can
    make the name wrong. Less, down to -skew_us, names more flows at the ends of tenures, and is right only as long as
    every owner of every address is heard. Where all knowledge begins and ends it makes no difference: see `Tolerance`.
    `event_limit_us`: see `ranges_of_events`.
    """

    def __init__(
        self,
        *,
        gap_us: int,
        skew_us: int,
        margin_us: int | None = None,
        window_us: int = 10_000_000,
        event_limit_us: int = 60_000_000,
    ) -> None:
        if gap_us < 2 * skew_us:
            raise ValueError(f"gap_us {gap_us} must be at least twice skew_us {skew_us}: clocks alone would split ranges")
        self.gap_us, self.skew_us, self.window_us, self.event_limit_us = gap_us, skew_us, window_us, event_limit_us
        self.margin_us = max(-skew_us, skew_us if margin_us is None else margin_us)
        self.forgotten_ranges = 0
        self._forgotten_us = NEVER_US
        self._clear()

    def _clear(self) -> None:
        self.names = StringTable()
        self.addresses = AddressIndex()
        self.said = RaggedArray(start_us=np.int64, end_us=np.int64, owner=np.uint32, node=np.uint32)
        self.seen = RaggedArray(start_us=np.int64, end_us=np.int64, owner=np.uint32, node=np.uint32)
        self.pieces = RaggedArray(start_us=np.int64, end_us=np.int64, owner=np.uint32)
        self.event_pieces = RaggedArray(start_us=np.int64, end_us=np.int64, owner=np.uint32)
        self._events: dict[int, set[Event]] = {}
        self._from_us, self._until_us = FOREVER_US, NEVER_US
        self._spoken_until_us: I64 = np.zeros(0, np.int64)
        self._has_ports: U8 = np.zeros(0, np.uint8)

    @property
    def size(self) -> int:
        """Time ranges held, learned from heartbeats, flows and events."""
        return self.said.rows + self.seen.rows + self.event_pieces.rows

    @property
    def tolerance(self) -> Tolerance:
        return Tolerance(self.skew_us, self.margin_us, self._from_us, self._until_us, self.window_us)

    @property
    def memory_bytes(self) -> int:
        """Arrays, and an estimate of 150 bytes for a name or an event."""
        parts = (self.said, self.seen, self.pieces, self.event_pieces, self.addresses)
        arrays = sum(part.memory_bytes for part in parts) + self._spoken_until_us.nbytes + self._has_ports.nbytes
        return arrays + 150 * (len(self.names) + sum(map(len, self._events.values())))

    def learn(self, observations: Observations) -> I64:
        """Merge heartbeats and sightings in. Returns the addresses whose knowledge changed, as numbers for `ranges_of`, valid
        until `forget`.

        Observations without an owner, without duration, or older than what was forgotten say nothing.
        """
        observations = observations.saying()
        if self._forgotten_us > NEVER_US:
            observations = observations.rows(observations.end_us > self._forgotten_us)
        if not len(observations):
            return np.zeros(0, np.int64)
        number = self.names.numbers(observations.names)
        network, ip = number[observations.network], observations.ip
        port = np.where(observations.by_flow, 0, observations.port).astype(np.uint16)
        address = self._intern(network, ip, observations.protocol, port)
        said = OwnedIntervals(
            address,
            number[observations.workload],
            number[observations.node],
            observations.start_us,
            np.minimum(observations.end_us, FOREVER_US),
        )
        self._note(network, ip, port, address, said.end_us)
        changed = self._hear(said.rows(~observations.by_flow))
        if observations.by_flow.any():
            seen = said.rows(observations.by_flow)  # heartbeats that covered what lies before may have been forgotten
            changed = np.union1d(changed, self._see(seen._replace(start_us=np.maximum(seen.start_us, self._forgotten_us))))
        self._derive_events([int(number) for number in changed if int(number) in self._events] if self._events else [])
        return changed

    def learn_events(self, events: Sequence[IpEvent]) -> I64:
        """Add events to what is known; returns the addresses whose knowledge changed."""
        events = [event for event in events if event.workload or not event.assigned]
        network = self.names.numbers([event.network for event in events])
        ip = np.frombuffer(b"".join(event.ip for event in events), np.uint8).reshape(-1, 16)
        none = np.zeros(len(events), np.uint16)
        changed: set[int] = set()
        for event, address in zip(events, self._intern(network, ip, none.astype(np.uint8), none).tolist(), strict=True):
            known = self._events.setdefault(address, set())
            said = Event(event.at_us, event.assigned, self.names.number(event.workload) if event.workload else None)
            if said not in known:
                known.add(said)
                changed.add(address)
        touched = np.array(sorted(changed), np.int64)
        self._derive_events(touched.tolist())
        self._derive_pieces(touched)
        return touched

    def find(self, names: Sequence[str], network: U32, ip: U8, protocol: U8, port: U16) -> I64:
        """Numbers of addresses, -1 where nothing was ever said. `network` indexes `names`."""
        number = self.names.numbers(names)
        return self.addresses.find(key_columns(number[network], ip, protocol, port))

    def has_agent(self, ids: I64) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Whether a heartbeat spoke for the whole address or a port of it, at any time within the retention."""
        spoken = np.zeros(len(ids), np.bool_)
        known = ids >= 0
        spoken[known] = self._spoken_until_us[ids[known]] > NEVER_US
        return spoken

    def has_ports(self, ids: I64) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Whether workloads share the address: a listener on one of its ports was named."""
        shared = np.zeros(len(ids), np.bool_)
        known = ids >= 0
        shared[known] = self._has_ports[ids[known]] > 0
        return shared

    def heard_throughout(self, ids: I64, first_us: I64, last_us: I64) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Whether one range of heartbeats, with no silence in it, covers the flow with the margin to spare. No id is below 0."""
        counts = self.said.counts[ids].astype(np.int64)
        rows, row_of = self.said.positions(ids), np.repeat(np.arange(len(ids)), counts)
        start_us, end_us = self.said.columns["start_us"][rows], self.said.columns["end_us"][rows]
        covers = self.tolerance.covers(start_us, end_us, first_us[row_of], last_us[row_of])
        heard = np.zeros(len(ids), np.bool_)
        heard[row_of[covers]] = True
        return heard

    def ranges_of(self, ids: I64) -> Observations:
        """All that heartbeats and flows said of the addresses. Learning it elsewhere, repeatedly or in part, is harmless."""
        said, seen = _rows_of(self.said, ids), _rows_of(self.seen, ids)
        known = said.concat(seen)
        network, ip, protocol, port = split_keys(self.addresses.keys[:, known.address])
        numbers, index = np.unique(np.concatenate((network, known.owner, known.node)), return_inverse=True)
        network, owner, node = np.split(index.astype(np.uint32), 3)
        names = tuple(self.names.texts[number] for number in numbers.tolist())
        by_flows = np.arange(len(known.address)) >= len(said.address)
        return Observations(names, network, node, owner, ip, port, protocol, known.start_us, known.end_us, by_flows)

    def events_of(self, ids: I64) -> list[IpEvent]:
        """The events known of the addresses."""
        told: list[IpEvent] = []
        for number in ids.tolist():
            network, ip, _, _ = split_keys(self.addresses.keys[:, [number]])
            name = self.names.texts[int(network[0])]
            for at_us, assigned, owner in sorted(self._events.get(number, ()), key=lambda event: event[:2]):
                told.append(IpEvent(name, ip.tobytes(), "" if owner is None else self.names.texts[owner], assigned, at_us))
        return told

    @property
    def with_events(self) -> I64:
        """Numbers of the addresses that events speak of, ascending."""
        return np.array(sorted(self._events), np.int64)

    def end_of_oldest(self, ranges: int) -> int:
        """An instant by which at least so many of the ranges (of which there are as many) have ended."""
        everything = np.arange(self.addresses.count)
        parts = (self.said, self.seen, self.event_pieces)
        ends = np.concatenate([part.columns["end_us"][part.positions(everything)] for part in parts])
        return int(np.partition(ends, ranges - 1)[ranges - 1])

    def forget(self, before_us: int) -> int:
        """Drop ranges that ended by then; returns how many. Meant for once a minute or so.

        Once most addresses are left without any, addresses and names are dropped too: numbers given out before then lose
        their meaning.
        """
        before = self.size
        self._forgotten_us = max(self._forgotten_us, before_us)
        for number in list(self._events):
            self._forget_events(number, before_us)
        self._derive_events(sorted(self._events))
        _drop_ended(self.said, self.addresses.count, before_us)
        _drop_ended(self.seen, self.addresses.count, before_us)
        _drop_ended(self.pieces, self.addresses.count, before_us)
        self._spoken_until_us[self._spoken_until_us <= before_us] = NEVER_US
        dropped = before - self.size
        self.forgotten_ranges += dropped
        held = np.count_nonzero((self.said.counts > 0) | (self.seen.counts > 0))
        idle = self.addresses.count - int(held) - len(self._events)
        if idle > max(_CHUNK, self.addresses.count // 2):
            self._rebuild()
        return dropped

    def _rebuild(self) -> None:
        fresh = OwnershipMap(
            gap_us=self.gap_us,
            skew_us=self.skew_us,
            margin_us=self.margin_us,
            window_us=self.window_us,
            event_limit_us=self.event_limit_us,
        )
        for first in range(0, self.addresses.count, _CHUNK):
            fresh.learn(self.ranges_of(np.arange(first, min(first + _CHUNK, self.addresses.count))))
        fresh.learn_events(self.events_of(np.array(list(self._events), np.int64)))
        fresh._from_us, fresh._until_us = self._from_us, self._until_us
        fresh._forgotten_us, fresh.forgotten_ranges = self._forgotten_us, self.forgotten_ranges
        self.__dict__ = fresh.__dict__

    def _forget_events(self, number: int, before_us: int) -> None:
        """Keep events since then, and the ranges that reach beyond it as events: what ended them may be forgotten itself."""
        kept = {event for event in self._events[number] if event.at_us >= before_us}
        for start_us, end_us, owner in self._event_ranges(number):
            if end_us > before_us:
                kept.add(Event(start_us, True, owner))
                kept |= {Event(end_us, False, owner)} if end_us < FOREVER_US else set()
        self._events[number] = kept

    def _intern(self, network: U32, ip: U8, protocol: U8, port: U16) -> I64:
        address = self.addresses.intern(key_columns(network, ip, protocol, port))
        self._resize()
        return address

    def _resize(self) -> None:
        count = self.addresses.count
        for ragged in (self.said, self.seen, self.pieces, self.event_pieces):
            ragged.resize(count)
        if count > len(self._has_ports):
            more = count + count // 4 - len(self._has_ports)
            self._has_ports = np.concatenate((self._has_ports, np.zeros(more, np.uint8)))
            self._spoken_until_us = np.concatenate((self._spoken_until_us, np.full(more, NEVER_US, np.int64)))

    def _note(self, network: U32, ip: U8, port: U16, address: I64, until_us: I64) -> None:
        """Mark whole addresses as spoken for, and as shared where the statement is about a port."""
        np.maximum.at(self._spoken_until_us, address, until_us)
        ported = np.flatnonzero(port)
        if ported.size:
            none = np.zeros(ported.size, np.uint16)
            whole = self._intern(network[ported], ip[ported], none.astype(np.uint8), none)
            np.maximum.at(self._spoken_until_us, whole, until_us[ported])
            self._has_ports[whole] = 1

    def _hear(self, said: OwnedIntervals) -> I64:
        self._from_us = min(self._from_us, int(said.start_us.min(initial=FOREVER_US)))
        self._until_us = max(self._until_us, int(said.end_us.max(initial=NEVER_US)))
        changed, rest = self._extend(said)
        if rest.size:
            merged, touched = self._merge(self.said, said.rows(rest))
            self._derive_pieces(touched)
            changed = np.union1d(changed, merged)
        seen = changed[self.seen.counts[changed] > 0]
        if seen.size:
            self._merge(self.seen, _rows_of(self.seen, seen), without=self.said)
        return changed

    def _see(self, seen: OwnedIntervals) -> I64:
        """Sightings say something only where their node's heartbeats do not say it already."""
        changed, _ = self._merge(self.seen, seen, without=self.said)
        self._derive_pieces(changed)
        return changed

    def _extend(self, said: OwnedIntervals) -> tuple[I64, I64]:
        """The usual case without sorting: the owner of an address's last range goes on. Returns addresses that changed, and
        the rows that this did not settle.
        """
        columns, piece = self.said.columns, self.pieces.columns
        counts = self.said.counts[said.address]
        last = np.maximum(self.said.offsets[said.address] + counts - 1, 0)
        last_piece = np.maximum(self.pieces.offsets[said.address] + self.pieces.counts[said.address] - 1, 0)
        goes_on = (counts > 0) & (columns["owner"][last] == said.owner) & (columns["node"][last] == said.node)
        goes_on &= (columns["start_us"][last] <= said.start_us) & (said.start_us <= columns["end_us"][last])
        longer = said.end_us > columns["end_us"][last]
        goes_on &= ~longer | (piece["owner"][last_piece] == said.owner)  # nobody else's range reaches the end of the last piece
        rows = np.flatnonzero(goes_on & longer)
        np.maximum.at(columns["end_us"], last[rows], said.end_us[rows])
        np.maximum.at(piece["end_us"], last_piece[rows], said.end_us[rows])
        return np.unique(said.address[rows]), np.flatnonzero(~goes_on)

    def _merge(self, where: RaggedArray, said: OwnedIntervals, without: RaggedArray | None = None) -> tuple[I64, I64]:
        """Sort new ranges into their addresses' lists, except where `without` covers them. Returns the addresses whose list
        changed, and all of them.
        """
        touched = np.unique(said.address)
        known = _rows_of(where, touched)
        merged = union(known.concat(said))
        if without is not None:
            merged = subtract(merged, _rows_of(without, touched))
        counts = _counts(touched, merged.address)
        changed = touched[_differs(touched, known, merged)]
        where.put(touched, counts, start_us=merged.start_us, end_us=merged.end_us, owner=merged.owner, node=merged.node)
        return changed, touched

    def _derive_pieces(self, touched: I64) -> None:
        """The timelines of addresses anew, from all that is known of them. Silences of a port's listener stay silences: another
        process of the node may have had the port, and nothing would tell.
        """
        said = _rows_of(self.said, touched)
        others = self._assignments(touched).concat(self._strangers(touched, said))
        whole = split_keys(self.addresses.keys[:, said.address])[3] == 0
        held = bridge_gaps(said.rows(whole), others, self.gap_us, self.window_us).concat(said.rows(~whole))
        self._put_pieces(self.pieces, touched, flatten(held))

    def _assignments(self, touched: I64) -> OwnedIntervals:
        """Events say of an instant who got the address."""
        evented = [number for number in touched.tolist() if number in self._events] if self._events else []
        held = [(number, event.at_us, event.owner) for number in evented for event in self._events[number] if event.assigned]
        address, at_us, owner = np.array(held, np.int64).reshape(-1, 3).T
        return OwnedIntervals(address, owner.astype(np.uint32), np.zeros(len(owner), np.uint32), at_us, at_us + 1)

    def _strangers(self, touched: I64, said: OwnedIntervals) -> OwnedIntervals:
        """Sightings, without those of a node's own processes at an address that the node itself holds: they share it."""
        seen = _rows_of(self.seen, touched)
        if len(seen.address):
            owners, index = np.unique(said.owner, return_inverse=True)
            own = np.array([self.names.texts[number].startswith(NODE_PREFIX) for number in owners.tolist()], np.bool_)[index]
            pair = said.address[own] << 32 | said.node[own]
            seen = seen.rows(~np.isin(seen.address << 32 | seen.node, pair))
        return seen

    def _derive_events(self, touched: Sequence[int]) -> None:
        """`touched` ascends."""
        if not touched:
            return
        held = [(number, *held) for number in touched for held in self._event_ranges(number)]
        table = np.array(held, np.int64).reshape(-1, 4)
        owner = table[:, 3].astype(np.uint32)
        ranges = OwnedIntervals(table[:, 0], owner, np.zeros_like(owner), table[:, 1], table[:, 2])
        self._put_pieces(self.event_pieces, np.array(touched, np.int64), flatten(ranges))

    def _event_ranges(self, number: int) -> list[tuple[int, int, int]]:
        said = _rows_of(self.said, np.array([number]))
        signs = map(Sign, said.start_us.tolist(), said.end_us.tolist(), said.owner.tolist())
        return ranges_of_events(self._events[number], signs, self.event_limit_us)

    def _put_pieces(self, where: RaggedArray, touched: I64, cut: Timeline) -> None:
        where.put(touched, _counts(touched, cut.address), start_us=cut.start_us, end_us=cut.end_us, owner=cut.owner)


def _rows_of(where: RaggedArray, ids: I64) -> OwnedIntervals:
    """What is said, or was seen, of the addresses."""
    rows, columns = where.positions(ids), where.columns
    return OwnedIntervals(np.repeat(ids, where.counts[ids]), *(columns[name][rows] for name in ("owner", "node", "start_us", "end_us")))


def _drop_ended(ragged: RaggedArray, lists: int, before_us: int) -> None:
    for first in range(0, lists, _CHUNK):
        some = np.arange(first, min(first + _CHUNK, lists))
        where = ragged.positions(some)
        kept = ragged.columns["end_us"][where] > before_us
        if not kept.all():
            counts = np.bincount(np.repeat(some - first, ragged.counts[some])[kept], minlength=len(some))
            ragged.put(some, counts, **{name: column[where[kept]] for name, column in ragged.columns.items()})


def _counts(touched: I64, address: I64) -> I64:
    """How many rows each of the (sorted) touched addresses has in a sorted column of addresses."""
    counts: I64 = np.searchsorted(address, touched, "right") - np.searchsorted(address, touched, "left")
    return counts


def _differs(touched: I64, known: OwnedIntervals, merged: OwnedIntervals) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which touched addresses have other rows than before. Both sides are sorted alike."""
    before, after = _counts(touched, known.address), _counts(touched, merged.address)
    differs: np.ndarray[tuple[int], np.dtype[np.bool_]] = before != after
    same = np.flatnonzero(~differs)
    if same.size:
        old, new = np.isin(known.address, touched[same]), np.isin(merged.address, touched[same])
        left, right = known.rows(old), merged.rows(new)
        unequal = (left.owner != right.owner) | (left.node != right.node)
        unequal |= (left.start_us != right.start_us) | (left.end_us != right.end_us)
        differs[np.searchsorted(touched, left.address[unequal])] = True
    return differs
