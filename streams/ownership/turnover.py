"""Slices whose members change: what leaves gets an end of its own, what stays goes on with the lease, what joins does from now on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import I64
from streams.ownership.intervals import OwnedIntervals
from streams.ownership.leases import Listed, Members
from streams.ownership.map import OwnershipMap


@dataclass(frozen=True)
class Turnover:
    """The `leases` (each named once) last until `until_us`. Of their members, `listed`, some stay; `joined` come, of the lease at position
    `of_joined`.
    """

    leases: I64
    until_us: I64
    listed: Listed
    stays: NDArray[np.bool_]
    joined: OwnedIntervals
    of_joined: I64


def turn_over(known: OwnershipMap, turnover: Turnover, said: OwnedIntervals) -> I64:
    """Carry it out, and learn what is `said` beside it, that of the joined included. Returns the addresses whose evidence changed.

    A member whose range ends with the lease goes on by the lease alone. It costs what changes, and a look at a column of all members.
    """
    table, leases, listed, joined = known.evidence.leases, turnover.leases, turnover.listed, turnover.joined
    stays, goes = np.flatnonzero(turnover.stays), np.flatnonzero(~turnover.stays)
    known.leasing.part(listed.members.rows(goes))
    before_us, table.until_us[leases] = table.until_us[leases], turnover.until_us
    loose = stays[table.is_loose(listed.at[stays])]
    went_on = known.going_on(listed.members.rows(loose), before_us[listed.of[loose]], turnover.until_us[listed.of[loose]])
    changed = known.hear(said.concat(went_on))
    come = Members(joined.address, joined.owner, leases[turnover.of_joined])
    members = listed.members.rows(stays).concat(come)
    # What was said may have made others of the members loose.
    is_loose = np.concatenate((table.is_loose(listed.at[stays]), np.ones(len(come.address), np.bool_)))
    rows = np.flatnonzero(is_loose)
    is_loose[rows] = ~known.leasing.attach(members.rows(rows))
    table.set_members(leases, members, np.concatenate((listed.of[stays], turnover.of_joined)), is_loose)
    return changed
