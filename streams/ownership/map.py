"""Who had this address, then: the ownership map of a region.

From the evidence follows each address's timeline, kept beside it for look-ups: pieces with one owner, pieces with SEVERAL, and silence.
Not safe for use by several threads at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import I64
from schemas.errors import SettingError
from schemas.records.ip_event import IpEvent
from streams.columns.strings import StringTable
from streams.ownership.address_index import split_keys
from streams.ownership.asof import Tolerance
from streams.ownership.evidence import OwnershipEvidence, counts_of, rows_of
from streams.ownership.gaps import bridge_gaps
from streams.ownership.intervals import OwnedIntervals, Timeline, flatten
from streams.ownership.observations import Observations
from streams.ownership.ragged import RaggedArray

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
        self.pieces = RaggedArray(start_us=np.int64, end_us=np.int64, owner=np.uint32)
        self.event_pieces = RaggedArray(start_us=np.int64, end_us=np.int64, owner=np.uint32)

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
        said, seen = intervals
        self._resize()
        changed = self._hear(said)
        if len(seen.address):
            changed = np.union1d(changed, self._see(seen))
        self._derive_events(self.evidence.evented(changed))
        return changed

    def learn_events(self, events: Sequence[IpEvent]) -> I64:
        """Add events to what is known; returns the addresses whose evidence changed."""
        touched = self.evidence.learn_events(events)
        self._resize()
        self._derive_events(touched.tolist())
        self._derive_pieces(touched)
        return touched

    def heard_throughout(self, ids: I64, first_us: I64, last_us: I64) -> NDArray[np.bool_]:
        """Whether one range of heartbeats, with no silence in it, covers the flow with the margin to spare. No id is below 0."""
        said = self.evidence.said
        counts = said.counts[ids].astype(np.int64)
        rows, row_of = said.positions(ids), np.repeat(np.arange(len(ids)), counts)
        start_us, end_us = said.columns["start_us"][rows], said.columns["end_us"][rows]
        covers = self.tolerance.covers(start_us, end_us, first_us[row_of], last_us[row_of])
        heard = np.zeros(len(ids), np.bool_)
        heard[row_of[covers]] = True
        return heard

    def end_of_oldest(self, ranges: int) -> int:
        """An instant by which at least so many of the ranges (of which there are as many) have ended."""
        everything = np.arange(self.evidence.addresses.count)
        parts = (self.evidence.said, self.evidence.seen, self.event_pieces)
        ends = np.concatenate([part.columns["end_us"][part.positions(everything)] for part in parts])
        return int(np.partition(ends, ranges - 1)[ranges - 1])

    def forget(self, before_us: int) -> int:
        """Drop ranges that ended by then; returns how many. Meant for once a minute or so. Addresses keep their numbers, see `rebuilt`."""
        before = self.size
        self.evidence.forget_events(before_us)
        self._derive_events(self.evidence.with_events.tolist())
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
        fresh.learn_events(self.evidence.events_of(self.evidence.with_events))
        fresh.evidence.succeed(self.evidence)
        fresh.forgotten_ranges = self.forgotten_ranges
        return fresh

    def _resize(self) -> None:
        self.pieces.resize(self.evidence.addresses.count)
        self.event_pieces.resize(self.evidence.addresses.count)

    def _hear(self, said: OwnedIntervals) -> I64:
        changed, rest = self._prolong(said)
        if rest.size:
            merged, touched = self.evidence.hear(said.rows(rest))
            self._derive_pieces(touched)
            changed = np.union1d(changed, merged)
        self.evidence.drop_sightings(changed)
        return changed

    def _see(self, seen: OwnedIntervals) -> I64:
        changed = self.evidence.see(seen)
        self._derive_pieces(changed)
        return changed

    def _prolong(self, said: OwnedIntervals) -> tuple[I64, I64]:
        """Let last ranges go on, and the last pieces with them. Returns addresses that changed, and the rows that this did not settle."""
        last, goes_on, longer = self.evidence.continuation(said)
        piece = self.pieces.columns
        last_piece = np.maximum(self.pieces.offsets[said.address] + self.pieces.counts[said.address] - 1, 0)
        goes_on &= ~longer | (piece["owner"][last_piece] == said.owner)  # nobody else's range reaches the end of the last piece
        rows = np.flatnonzero(goes_on & longer)
        self.evidence.prolong(last[rows], said.end_us[rows])
        np.maximum.at(piece["end_us"], last_piece[rows], said.end_us[rows])
        return np.unique(said.address[rows]), np.flatnonzero(~goes_on)

    def _derive_pieces(self, touched: I64) -> None:
        """The timelines of addresses anew, from all that is known of them. Silences of a port's listener stay silences: another
        process of the node may have had the port, and nothing would tell.
        """
        said = rows_of(self.evidence.said, touched)
        others = self.evidence.assignments(touched).concat(self.evidence.strangers(touched, said))
        whole = split_keys(self.evidence.addresses.keys[:, said.address])[3] == 0
        held = bridge_gaps(said.rows(whole), others, self.gap_us, self.window_us).concat(said.rows(~whole))
        _put_pieces(self.pieces, touched, flatten(held))

    def _derive_events(self, touched: Sequence[int]) -> None:
        """`touched` ascends."""
        if not touched:
            return
        held = [(number, *held) for number in touched for held in self.evidence.event_ranges(number)]
        table = np.array(held, np.int64).reshape(-1, 4)
        owner = table[:, 3].astype(np.uint32)
        ranges = OwnedIntervals(table[:, 0], owner, np.zeros_like(owner), table[:, 1], table[:, 2])
        _put_pieces(self.event_pieces, np.array(touched, np.int64), flatten(ranges))


def _put_pieces(where: RaggedArray, touched: I64, cut: Timeline) -> None:
    where.put(touched, counts_of(touched, cut.address), start_us=cut.start_us, end_us=cut.end_us, owner=cut.owner)
