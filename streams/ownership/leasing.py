"""Ranges that end with a lease: when a range may, and how it gets an end of its own again.

A range of an address ends with a lease as long as nothing but the lease moves its timeline: it is the address's last one, nobody else's
reaches its end, and neither flows nor events have to be weighed against its end. Otherwise its end is written out, and moves with each
heartbeat, as any other's. What is known is the same either way.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import I64
from streams.columns.sorting import distinct
from streams.ownership.evidence import OwnershipEvidence, rows_of
from streams.ownership.leases import Members, is_leased, leases_of, stored_as
from streams.ownership.ragged import RaggedArray


class Leasing:
    """`pieces`: the timelines of the addresses of `evidence`. A range shorter than `window_us` has no lease: growing, it may decide of a
    silence before it.
    """

    def __init__(self, evidence: OwnershipEvidence, pieces: RaggedArray, window_us: int) -> None:
        self._evidence = evidence
        self._pieces = pieces
        self._window_us = window_us

    def write_out(self, address: I64) -> Members:
        """Give the ranges of these addresses (each named once) ends of their own; returns those that had leases, which are loose now unless
        they are attached again or leave: that is the caller's to note.
        """
        said, leases = self._evidence.said, self._evidence.leases
        address = address[said.counts[address] > 0]
        last = said.last(address)
        stored_us = said.columns["end_us"][last]
        leased = is_leased(stored_us)
        if not leased.any():
            return Members(address[:0], np.zeros(0, np.uint32), address[:0])
        address, last, lease = address[leased], last[leased], leases_of(stored_us[leased])
        said.columns["end_us"][last] = leases.until_us[lease]
        self._pieces.columns["end_us"][self._pieces.last(address)] = leases.until_us[lease]
        return Members(address, said.columns["owner"][last], lease)

    def part(self, members: Members) -> None:
        """Give the ranges of members that leave, and end with their leases, ends of their own."""
        self.write_out(distinct(members.address[self.is_attached(members)]))

    def attach(self, members: Members) -> NDArray[np.bool_]:
        """Let the ranges of members that have ends of their own end with their leases, where they may: of which rows they do."""
        said, leases, pieces = self._evidence.said, self._evidence.leases, self._pieces
        attached = np.zeros(len(members.address), np.bool_)
        rows = np.flatnonzero((said.counts[members.address] > 0) & (pieces.counts[members.address] > 0))
        if not rows.size:
            return attached
        address, owner, lease = members.rows(rows)
        last, piece = said.last(address), pieces.last(address)
        until_us, columns, held = leases.until_us[lease], said.columns, pieces.columns
        may = (columns["owner"][last] == owner) & (columns["node"][last] == leases.place[lease, 1]) & (columns["end_us"][last] == until_us)
        may &= (held["owner"][piece] == owner) & (held["end_us"][piece] == until_us)
        may &= until_us - columns["start_us"][last] >= self._window_us
        may &= ~self._weighed(address, last, may)
        _, first = np.unique(address, return_index=True)  # of two leases that could have a range one does
        once = np.zeros(len(address), np.bool_)
        once[first] = True
        chosen = may & once
        columns["end_us"][last[chosen]] = held["end_us"][piece[chosen]] = stored_as(lease[chosen])
        attached[rows[chosen]] = True
        return attached

    def is_attached(self, members: Members) -> NDArray[np.bool_]:
        """Which members' ranges end with their leases."""
        said = self._evidence.said
        last = said.last(members.address)
        attached: NDArray[np.bool_] = (said.counts[members.address] > 0) & (said.columns["end_us"][last] == stored_as(members.lease))
        attached &= said.columns["owner"][last] == members.owner
        return attached

    def _weighed(self, address: I64, last: I64, asked: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Whether flows or events have to be weighed against the end of the address's last range."""
        evidence = self._evidence
        weighed = np.zeros(len(address), np.bool_)
        rows = np.flatnonzero(asked & (evidence.seen.counts[address] > 0))
        if rows.size:
            seen = rows_of(evidence.seen, address[rows])
            row_of = np.repeat(rows, evidence.seen.counts[address[rows]])
            said = evidence.said.columns
            owner = said["owner"][last[row_of]]
            mine = ((seen.owner == owner) | evidence.is_node(owner)) & (seen.node == said["node"][last[row_of]])
            weighed[row_of[mine]] = True
        if evidence.events:
            said = evidence.said.columns
            for row in np.flatnonzero(asked).tolist():
                number, at = int(address[row]), last[row]
                weighed[row] |= evidence.events.contradict(number, int(said["owner"][at]), int(said["start_us"][at]))
        return weighed
