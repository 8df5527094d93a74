"""Who had this address, then: the ownership map of a region.

From the evidence follows each address's timeline, kept beside it for look-ups: pieces with one owner, pieces with SEVERAL, and silence.
Not safe for use by several threads at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import I64, U32
from schemas.errors import SettingError
from schemas.instants import FOREVER_US, NEVER_US
from schemas.records.ip_event import IpEvent
from streams.columns.sorting import distinct
from streams.columns.strings import StringTable
from streams.ownership.address_index import key_columns, split_keys
from streams.ownership.asof import Tolerance
from streams.ownership.evidence import OwnershipEvidence, counts_of
from streams.ownership.gaps import bridge_gaps
from streams.ownership.intervals import NOBODY, SEVERAL, OwnedIntervals, Timeline, flatten
from streams.ownership.leases import Members
from streams.ownership.leasing import Leasing
from streams.ownership.node_places import NodePlaces
from streams.ownership.observations import Observations
from streams.ownership.ragged import RaggedArray
from streams.ownership.services import ServiceMap

_SECOND_US = 1_000_000


def empty_map(*, gap_seconds: int, skew_ms: int, window_seconds: int) -> OwnershipMap:
    """The map of a worker with these settings. Raises SettingError where they contradict each other."""
    if gap_seconds * 1_000 < 2 * skew_ms:
        raise SettingError(
            f"WEIR_GAP_SECONDS={gap_seconds} is less than twice WEIR_SKEW_MS={skew_ms}: clocks alone would split ranges; "
            "raise the one or lower the other."
        )
    return OwnershipMap(gap_us=gap_seconds * _SECOND_US, skew_us=skew_ms * 1_000, window_us=window_seconds * _SECOND_US)


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
        self.evidence = OwnershipEvidence(event_limit_us)
        self.pieces = RaggedArray(start_us=np.int64, end_us=np.int64, owner=np.uint32, node=np.uint32)
        self.event_pieces = RaggedArray(start_us=np.int64, end_us=np.int64, owner=np.uint32, node=np.uint32)
        self.leasing = Leasing(self.evidence, self.pieces, window_us)
        self.places = NodePlaces()
        self.services = ServiceMap()

    @property
    def names(self) -> StringTable:
        """The texts of owners."""
        return self.evidence.names

    @property
    def size(self) -> int:
        """Time ranges held, learned from heartbeats, flows and events."""
        return self.evidence.said.rows + self.evidence.seen.rows + self.event_pieces.rows

    @property
    def tolerance(self) -> Tolerance:
        return Tolerance(self.skew_us, self.margin_us, self.evidence.from_us, self.evidence.until_us, self.window_us)

    @property
    def memory_bytes(self) -> int:
        """See `OwnershipEvidence.memory_bytes`."""
        return self.evidence.memory_bytes + self.pieces.memory_bytes + self.event_pieces.memory_bytes

    def learn(self, observations: Observations) -> I64:
        """Merge heartbeats and sightings in. Returns the addresses whose evidence changed, by their numbers in `evidence`."""
        intervals = self.evidence.intervals(observations)
        if intervals is None:
            return np.zeros(0, np.int64)
        return self.take(*intervals)

    def take(self, said: OwnedIntervals, seen: OwnedIntervals) -> I64:
        """`learn` for what is in the evidence's numbers already."""
        changed = self.hear(said)
        if len(seen.address):
            changed = np.union1d(changed, self.see(seen))
        return changed

    def learn_events(self, events: Sequence[IpEvent]) -> I64:
        """Add events to what is known; returns the addresses whose evidence changed."""
        touched = self.evidence.learn_events(events)
        self._resize()
        with self._written_out(touched):
            self._derive_events(touched.tolist())
            self._derive_pieces(touched)
        return touched

    def extend(self, leases: I64, until_us: I64) -> None:
        """Let leases (each named once) last until then, where they do not last longer."""
        table = self.evidence.leases
        before_us, after_us = table.until_us[leases], np.maximum(table.until_us[leases], until_us)
        table.until_us[leases] = after_us
        self.evidence.spoke(FOREVER_US, int(after_us.max(initial=NEVER_US)))
        rows = np.flatnonzero((table.loose[leases] > 0) & (after_us > before_us))
        if rows.size:
            loose = table.loose_members(leases[rows])
            self.hear(self.going_on(loose.members, before_us[rows][loose.of], after_us[rows][loose.of]))
            table.tighten(loose, self.leasing.attach(loose.members))

    def going_on(self, members: Members, before_us: I64, after_us: I64) -> OwnedIntervals:
        """What members are said for whose lease lasted until `before_us`, and lasts until `after_us`."""
        return OwnedIntervals(members.address, members.owner, self.evidence.leases.place[members.lease, 1], before_us, after_us)

    def heard_throughout(self, ids: I64, first_us: I64, last_us: I64) -> NDArray[np.bool_]:
        """Whether one range of heartbeats, with no silence in it, covers the flow with the margin to spare. No id is below 0."""
        said, leases = self.evidence.said, self.evidence.leases
        counts = said.counts[ids].astype(np.int64)
        rows, row_of = said.positions(ids), np.repeat(np.arange(len(ids)), counts)
        start_us, end_us = said.columns["start_us"][rows], leases.ends(said.columns["end_us"][rows])
        covers = self.tolerance.covers(start_us, end_us, first_us[row_of], last_us[row_of])
        heard = np.zeros(len(ids), np.bool_)
        heard[row_of[covers]] = True
        return heard

    def node_of(self, ids: I64, owner: U32, first_us: I64, last_us: I64) -> U32:
        """For each flow the one node that had the owner, in one range of heartbeats that covers the flow; NOBODY where there is none, and
        where another node had it within reach of the flow. No id is below 0.
        """
        said, leases, tolerance = self.evidence.said, self.evidence.leases, self.tolerance
        rows, row_of = said.positions(ids), np.repeat(np.arange(len(ids)), said.counts[ids])
        mine = said.columns["owner"][rows] == owner[row_of]
        rows, row_of = rows[mine], row_of[mine]
        node, start_us, end_us = said.columns["node"][rows], said.columns["start_us"][rows], leases.ends(said.columns["end_us"][rows])
        covers = tolerance.covers(start_us, end_us, first_us[row_of], last_us[row_of])
        near = covers | tolerance.reaches(start_us, end_us, first_us[row_of], last_us[row_of])
        found = np.full(len(ids), NOBODY, np.uint32)
        found[row_of[covers]] = node[covers]
        other = near & (node != found[row_of])
        found[row_of[other]] = NOBODY
        return found

    def last_starts(self, address: I64, owner: U32, node: U32, before_us: I64) -> I64:
        """For each holding, as a node says it, where its last range begins that begins before; `before_us` where there is none."""
        said = self.evidence.said
        rows, row_of = said.positions(address), np.repeat(np.arange(len(address)), said.counts[address])
        columns = said.columns
        mine = (columns["owner"][rows] == owner[row_of]) & (columns["node"][rows] == node[row_of])
        mine &= columns["start_us"][rows] < before_us[row_of]
        start_us = before_us.copy()
        start_us[row_of[mine]] = columns["start_us"][rows[mine]]  # ranges of an address stand in their order: the last one is kept
        return start_us

    def end_of_oldest(self, ranges: int) -> int:
        """An instant by which at least so many of the ranges (of which there are as many) have ended."""
        everything = np.arange(self.evidence.addresses.count)
        parts = (self.evidence.said, self.evidence.seen, self.event_pieces)
        ends = self.evidence.leases.ends(np.concatenate([part.columns["end_us"][part.positions(everything)] for part in parts]))
        return int(np.partition(ends, ranges - 1)[ranges - 1])

    def forget(self, before_us: int) -> int:
        """Drop ranges that ended by then; returns how many. Meant for once a minute or so. Addresses keep their numbers, see `rebuilt`."""
        before = self.size
        self._end_leases(before_us)
        self.places.forget(before_us, self._leaseholders())
        self._derive_events(self.evidence.events.forget(before_us))
        self.evidence.forget_ranges(before_us)
        self.pieces.drop_ended(before_us)
        dropped = before - self.size
        self.forgotten_ranges += dropped
        return dropped

    @property
    def sparse(self) -> bool:
        """Whether `rebuilt` would be much smaller."""
        return self.evidence.sparse

    def rebuilt(self) -> OwnershipMap:
        """The same map without the addresses and names of which nothing is known any more, with other numbers for those that stay."""
        fresh = OwnershipMap(
            gap_us=self.gap_us,
            skew_us=self.skew_us,
            margin_us=self.margin_us,
            window_us=self.window_us,
            event_limit_us=self.event_limit_us,
        )
        for part in self.evidence.parts():
            fresh.learn(part)
        fresh.learn_events(self.evidence.events_of(self.evidence.events.addresses))
        fresh._take_over_leases(self)
        fresh.evidence.succeed(self.evidence)
        fresh.forgotten_ranges, fresh.places, fresh.services = self.forgotten_ranges, self.places, self.services
        return fresh

    def _take_over_leases(self, other: OwnershipMap) -> None:
        """The leases of a map with the same evidence and other numbers."""
        theirs, ours, texts = other.evidence.leases, self.evidence.leases, other.names.texts
        kept = np.flatnonzero(theirs.state[: len(theirs)].any(axis=1))
        places = theirs.place[kept].tolist()
        leases = [ours.number(self.names.number(texts[network]), self.names.number(texts[node]), part) for network, node, part in places]
        chosen = np.array(leases, np.int64)
        (address, owner, _), of, _ = theirs.members(kept)
        network, ip, protocol, port = split_keys(other.evidence.addresses.keys[:, address])
        used, index = np.unique(np.concatenate((network, owner)), return_inverse=True)
        number = self.names.numbers([texts[name] for name in used.tolist()])[index]
        network, owner = number[: len(network)], number[len(network) :]
        address = self.evidence.addresses.find(key_columns(network, ip, protocol, port))
        ours.until_us[chosen], ours.since_us[chosen] = theirs.until_us[kept], theirs.since_us[kept]
        ours.state[chosen], ours.home[chosen] = theirs.state[kept], theirs.home[kept]
        members = Members(address, owner, chosen[of])
        ours.set_members(chosen, members, of, ~self.leasing.attach(members))

    def _resize(self) -> None:
        self.pieces.resize(self.evidence.addresses.count)
        self.event_pieces.resize(self.evidence.addresses.count)

    @contextmanager
    def _written_out(self, touched: I64) -> Iterator[None]:
        """Within, the ranges of these addresses have ends of their own."""
        members = self.leasing.write_out(touched)
        yield
        self.evidence.leases.loosen(members.rows(~self.leasing.attach(members)))

    def _end_leases(self, before_us: int) -> None:
        """Write out, and empty, the leases that ended by then."""
        table = self.evidence.leases
        ended = np.flatnonzero(table.until_us[: len(table)] <= before_us)
        ended = ended[table.counts(ended) > 0]
        self.leasing.part(table.members(ended).members)
        table.empty(ended)

    def _leaseholders(self) -> set[str]:
        """Nodes that have a lease of something."""
        table = self.evidence.leases
        held = table.state[: len(table)].any(axis=1)
        return {self.names.texts[node] for node in np.unique(table.place[: len(table), 1][held]).tolist()}

    def hear(self, said: OwnedIntervals) -> I64:
        """Merge heartbeats in, in the evidence's numbers. Returns the addresses whose evidence changed."""
        self._resize()
        changed, rest = self._prolong(said)
        if rest.size:
            with self._written_out(distinct(said.address[rest])):
                merged, touched = self.evidence.hear(said.rows(rest))
                self._derive_pieces(touched)
            changed = np.union1d(changed, merged)
        self.evidence.drop_sightings(changed)
        self._derive_events(self.evidence.events.among(changed))
        return changed

    def see(self, seen: OwnedIntervals) -> I64:
        """The same for sightings."""
        self._resize()
        # Heartbeats that covered what lies before may have been forgotten.
        seen = seen._replace(start_us=np.maximum(seen.start_us, self.evidence.forgotten_us))
        seen = seen.rows(~self.evidence.is_said(seen))
        with self._written_out(distinct(seen.address)):
            changed = self.evidence.see(seen)
            self._derive_pieces(changed)
        return changed

    def _prolong(self, said: OwnedIntervals) -> tuple[I64, I64]:
        """Let last ranges go on, and the last pieces with them. Returns addresses that changed, and the rows that this did not settle."""
        last, goes_on, longer = self.evidence.continuation(said)
        piece = self.pieces.columns
        last_piece = self.pieces.last(said.address)
        # Nobody else's range reaches the end of the last piece. A range shorter than a window may, growing, decide of a silence.
        held = self.evidence.said.columns
        grown = held["end_us"][last] - held["start_us"][last] >= self.window_us
        by = piece["node"][last_piece]
        goes_on &= ~longer | (grown & (piece["owner"][last_piece] == said.owner) & ((by == said.node) | (by == SEVERAL)))
        rows = np.flatnonzero(goes_on & longer)
        self.evidence.prolong(last[rows], said.end_us[rows])
        np.maximum.at(piece["end_us"], last_piece[rows], said.end_us[rows])
        return distinct(said.address[rows]), np.flatnonzero(~goes_on)

    def _derive_pieces(self, touched: I64) -> None:
        """The timelines of addresses anew, from all that is known of them. Silences of a port's listener stay silences: another
        process of the node may have had the port, and nothing would tell.
        """
        said = self.evidence.said_of(touched)
        others = self.evidence.events.assignments(touched).concat(self.evidence.strangers(touched, said))
        whole = split_keys(self.evidence.addresses.keys[:, said.address])[3] == 0
        held = bridge_gaps(said.rows(whole), others, self.gap_us, self.window_us).concat(said.rows(~whole))
        _put_pieces(self.pieces, touched, flatten(held))

    def _derive_events(self, touched: Sequence[int]) -> None:
        """`touched` ascends."""
        if not touched:
            return
        held = [(number, *held) for number in touched for held in self.evidence.events.ranges(number)]
        table = np.array(held, np.int64).reshape(-1, 4)
        owner = table[:, 3].astype(np.uint32)
        ranges = OwnedIntervals(table[:, 0], owner, np.full_like(owner, NOBODY), table[:, 1], table[:, 2])
        _put_pieces(self.event_pieces, np.array(touched, np.int64), flatten(ranges))


def _put_pieces(where: RaggedArray, touched: I64, cut: Timeline) -> None:
    where.put(touched, counts_of(touched, cut.address), start_us=cut.start_us, end_us=cut.end_us, owner=cut.owner, node=cut.node)
