"""What was said of addresses: the union of all heartbeats, sightings and events, per address, owner and node.

In any order, with any repetition, the same evidence. Nothing here is derived: see `streams.ownership.map`. Not safe for use by several
threads at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import I64, U8, U16, U32
from schemas.instants import FOREVER_US, NEVER_US
from schemas.names import NODE_PREFIX
from schemas.records.ip_event import IpEvent
from streams.columns.sorting import distinct
from streams.columns.strings import StringTable
from streams.ownership.address_index import AddressIndex, key_columns, split_keys
from streams.ownership.event_evidence import EventEvidence
from streams.ownership.intervals import OwnedIntervals, subtract, union
from streams.ownership.ip_events import Event
from streams.ownership.leases import LeaseTable, is_leased
from streams.ownership.observations import Observations
from streams.ownership.ragged import RaggedArray

_CHUNK = 65_536


class OwnershipEvidence:
    """Addresses by numbers, which stay what they are: `said` has their ranges by heartbeats, `seen` by flows where no heartbeat of the
    same node says it already. A range of `said` may end with one of the `leases`: see `said_of`. `from_us`, `until_us`: between which
    instants heartbeats have spoken at all.

    `event_limit_us`: see `ranges_of_events`.
    """

    def __init__(self, event_limit_us: int) -> None:
        self.names = StringTable()
        self.addresses = AddressIndex()
        self.said = RaggedArray(start_us=np.int64, end_us=np.int64, owner=np.uint32, node=np.uint32)
        self.seen = RaggedArray(start_us=np.int64, end_us=np.int64, owner=np.uint32, node=np.uint32)
        self.leases = LeaseTable()
        self.from_us, self.until_us = FOREVER_US, NEVER_US
        self.forgotten_us = NEVER_US
        self.events = EventEvidence(self.said_of, event_limit_us)
        self._spoken_until_us: I64 = np.zeros(0, np.int64)
        self._has_ports: U8 = np.zeros(0, np.uint8)

    @property
    def memory_bytes(self) -> int:
        """Arrays, and an estimate of 150 bytes for a name or an event."""
        arrays = sum(part.memory_bytes for part in (self.said, self.seen, self.addresses)) + self._spoken_until_us.nbytes
        arrays += self._has_ports.nbytes + self.leases.memory_bytes
        return arrays + 150 * (len(self.names) + len(self.events))

    # Taking in.

    def intervals(self, observations: Observations) -> tuple[OwnedIntervals, OwnedIntervals] | None:
        """Heartbeats and sightings in numbers of this evidence, not merged in yet; None: they say nothing."""
        rows = self.telling(observations)
        if not rows.any():
            return None
        observations = observations if rows.all() else observations.rows(rows)
        every = self.numbered(observations)
        return every.rows(~observations.by_flow), every.rows(observations.by_flow)

    def telling(self, observations: Observations) -> NDArray[np.bool_]:
        """Rows that say something: with an owner and a duration, and not older than what was forgotten."""
        return observations.telling() & (observations.end_us > self.forgotten_us)

    def numbered(self, observations: Observations) -> OwnedIntervals:
        """All rows in numbers of this evidence. Notes who has spoken of what, and merges nothing in."""
        number = self.names.numbers(observations.names)
        network, ip = number[observations.network], observations.ip
        port = np.where(observations.by_flow, 0, observations.port).astype(np.uint16)
        address = self._intern(network, ip, observations.protocol, port)
        end_us = np.minimum(observations.end_us, FOREVER_US)
        self._note(network, ip, port, address, end_us)
        heard = ~observations.by_flow
        self.spoke(int(observations.start_us[heard].min(initial=FOREVER_US)), int(end_us[heard].max(initial=NEVER_US)))
        return OwnedIntervals(address, number[observations.workload], number[observations.node], observations.start_us, end_us)

    def spoke(self, from_us: int, until_us: int) -> None:
        """Heartbeats, of whichever address, have spoken as early as `from_us` and as late as `until_us`."""
        self.from_us, self.until_us = min(self.from_us, from_us), max(self.until_us, until_us)

    def continuation(self, said: OwnedIntervals) -> tuple[I64, NDArray[np.bool_], NDArray[np.bool_]]:
        """The usual case without sorting: for each row the place of its address's last range, whether that range goes on with it, and
        whether it ends later by it. No range goes on beyond its lease.
        """
        columns, counts = self.said.columns, self.said.counts[said.address]
        last = self.said.last(said.address)
        goes_on = (counts > 0) & (columns["owner"][last] == said.owner) & (columns["node"][last] == said.node)
        stored_us = columns["end_us"][last]
        end_us = self.leases.ends(stored_us)
        longer = said.end_us > end_us
        goes_on &= (columns["start_us"][last] <= said.start_us) & (said.start_us <= end_us) & ~(longer & is_leased(stored_us))
        return last, goes_on, longer

    def is_said(self, seen: OwnedIntervals) -> NDArray[np.bool_]:
        """The usual case of sightings: the address's last range says so already, of the workload or of its node."""
        columns, counts = self.said.columns, self.said.counts[seen.address]
        last = self.said.last(seen.address)
        said: NDArray[np.bool_] = (counts > 0) & (columns["node"][last] == seen.node)
        said &= (columns["start_us"][last] <= seen.start_us) & (seen.end_us <= self.leases.ends(columns["end_us"][last]))
        said[said] = (columns["owner"][last[said]] == seen.owner[said]) | self.is_node(columns["owner"][last[said]])
        return said

    def prolong(self, places: I64, end_us: I64) -> None:
        """Ranges without a lease, by their places, last until then."""
        np.maximum.at(self.said.columns["end_us"], places, end_us)

    def hear(self, said: OwnedIntervals) -> tuple[I64, I64]:
        """Merge heartbeats in, of addresses without a lease. Returns the addresses whose ranges changed, and all of them."""
        return self._merge(self.said, said)

    def see(self, seen: OwnedIntervals) -> I64:
        """Merge sightings in, where their node's heartbeats do not say it already. Returns the addresses that changed."""
        return self._merge(self.seen, seen, but_said=True)[0]

    def drop_sightings(self, heard: I64) -> None:
        """Drop what heartbeats say by now of these addresses."""
        seen = heard[self.seen.counts[heard] > 0]
        if seen.size:
            self._merge(self.seen, rows_of(self.seen, seen), but_said=True)

    def learn_events(self, events: Sequence[IpEvent]) -> I64:
        """Add events; returns the addresses of which one is new."""
        events = [event for event in events if event.workload or not event.assigned]
        network = self.names.numbers([event.network for event in events])
        ip = np.frombuffer(b"".join(event.ip for event in events), np.uint8).reshape(-1, 16)
        none = np.zeros(len(events), np.uint16)
        address = self._intern(network, ip, none.astype(np.uint8), none).tolist()
        said = [Event(event.at_us, event.assigned, self.names.number(event.workload) if event.workload else None) for event in events]
        return self.events.add(zip(address, said, strict=True))

    # Looking up.

    def said_of(self, ids: I64) -> OwnedIntervals:
        """What heartbeats say of the addresses, as far as leases last."""
        said = rows_of(self.said, ids)
        return said._replace(end_us=self.leases.ends(said.end_us))

    def find(self, names: Sequence[str], network: U32, ip: U8, protocol: U8, port: U16) -> I64:
        """Numbers of addresses, -1 where nothing was ever said. `network` indexes `names`."""
        number = self.names.numbers(names)
        return self.addresses.find(key_columns(number[network], ip, protocol, port))

    def has_agent(self, ids: I64) -> NDArray[np.bool_]:
        """Whether a heartbeat spoke for the whole address or a port of it, at any time within the retention."""
        spoken = np.zeros(len(ids), np.bool_)
        known = ids >= 0
        spoken[known] = self._spoken_until_us[ids[known]] > NEVER_US
        return spoken

    def has_ports(self, ids: I64) -> NDArray[np.bool_]:
        """Whether workloads share the address: a listener on one of its ports was named."""
        shared = np.zeros(len(ids), np.bool_)
        known = ids >= 0
        shared[known] = self._has_ports[ids[known]] > 0
        return shared

    def ranges_of(self, ids: I64) -> Observations:
        """All that heartbeats and flows said of the addresses. Learning it elsewhere, repeatedly or in part, is harmless."""
        said, seen = self.said_of(ids), rows_of(self.seen, ids)
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
            for at_us, assigned, owner in self.events.of(number):
                told.append(IpEvent(name, ip.tobytes(), "" if owner is None else self.names.texts[owner], assigned, at_us))
        return told

    def strangers(self, ids: I64, said: OwnedIntervals) -> OwnedIntervals:
        """Sightings, without those of a node's own processes at an address that the node itself holds by what is `said`: they share it."""
        seen = rows_of(self.seen, ids)
        if len(seen.address):
            own = self.is_node(said.owner)
            pair = said.address[own] << 32 | said.node[own]
            seen = seen.rows(~np.isin(seen.address << 32 | seen.node, pair))
        return seen

    # Forgetting.

    def forget_ranges(self, before_us: int) -> None:
        """Drop what ended by then; what is said of that time later says nothing. No lease ended by then."""
        self._note_leases()
        self.forgotten_us = max(self.forgotten_us, before_us)
        self.said.drop_ended(before_us)
        self.seen.drop_ended(before_us)
        self._spoken_until_us[self._spoken_until_us <= before_us] = NEVER_US

    @property
    def sparse(self) -> bool:
        """Whether most addresses, and many, are without any evidence left, or most leases without a holding."""
        held = np.count_nonzero((self.said.counts > 0) | (self.seen.counts > 0))
        idle = self.addresses.count - int(held) - len(self.events.addresses)
        return idle > max(_CHUNK, self.addresses.count // 2) or self.leases.idle > max(_CHUNK, len(self.leases) // 2)

    def parts(self) -> Iterable[Observations]:
        """All that heartbeats and flows said, in parts."""
        for first in range(0, self.addresses.count, _CHUNK):
            yield self.ranges_of(np.arange(first, min(first + _CHUNK, self.addresses.count)))

    def succeed(self, other: OwnershipEvidence) -> None:
        """Take over what does not follow from the observations and events of another evidence."""
        self.from_us, self.until_us, self.forgotten_us = other.from_us, other.until_us, other.forgotten_us

    # By numbers.

    def _intern(self, network: U32, ip: U8, protocol: U8, port: U16) -> I64:
        address = self.addresses.intern(key_columns(network, ip, protocol, port))
        self._resize()
        return address

    def _resize(self) -> None:
        count = self.addresses.count
        self.said.resize(count)
        self.seen.resize(count)
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

    def is_node(self, owner: U32) -> NDArray[np.bool_]:
        """Which owners are nodes."""
        owners, index = np.unique(owner, return_inverse=True)
        nodes: NDArray[np.bool_] = np.array([self.names.texts[number].startswith(NODE_PREFIX) for number in owners.tolist()], np.bool_)[
            index
        ]
        return nodes

    def _of_own_processes(self, seen: OwnedIntervals, said: OwnedIntervals) -> OwnedIntervals:
        """What a node says of an address that it holds itself, said of each workload of its own that was seen there: they share it."""
        own = said.rows(self.is_node(said.owner))
        own = own.rows(np.argsort(own.address << 32 | own.node, kind="stable"))
        place, wanted = own.address << 32 | own.node, seen.address << 32 | seen.node
        first, behind = np.searchsorted(place, wanted, "left"), np.searchsorted(place, wanted, "right")
        times = behind - first
        of = np.repeat(np.arange(len(times)), times)
        held = own.rows(np.arange(len(of)) + np.repeat(first - (np.cumsum(times) - times), times))
        return held._replace(owner=seen.owner[of])

    def _note_leases(self) -> None:
        """What leases have prolonged since it was noted."""
        address, _, lease = self.leases.members(np.arange(len(self.leases))).members
        network, ip, _, port = split_keys(self.addresses.keys[:, address])
        self._note(network, ip, port, address, self.leases.until_us[lease])

    def _merge(self, where: RaggedArray, said: OwnedIntervals, *, but_said: bool = False) -> tuple[I64, I64]:
        """Sort new ranges into their addresses' lists; `but_said`: except where heartbeats say so already. Returns the addresses whose list
        changed, and all of them.
        """
        touched = distinct(said.address)
        known = rows_of(where, touched)
        merged = union(known.concat(said))
        if but_said:
            said = self.said_of(touched)
            merged = subtract(merged, said.concat(self._of_own_processes(merged, said)))
        counts = counts_of(touched, merged.address)
        changed = touched[_differs(touched, known, merged)]
        where.put(touched, counts, start_us=merged.start_us, end_us=merged.end_us, owner=merged.owner, node=merged.node)
        return changed, touched


def rows_of(where: RaggedArray, ids: I64) -> OwnedIntervals:
    """The rows of the addresses as they are stored."""
    rows, columns = where.positions(ids), where.columns
    return OwnedIntervals(np.repeat(ids, where.counts[ids]), *(columns[name][rows] for name in ("owner", "node", "start_us", "end_us")))


def counts_of(touched: I64, address: I64) -> I64:
    """How many rows each of the (sorted) touched addresses has in a sorted column of addresses."""
    counts: I64 = np.searchsorted(address, touched, "right") - np.searchsorted(address, touched, "left")
    return counts


def _differs(touched: I64, known: OwnedIntervals, merged: OwnedIntervals) -> NDArray[np.bool_]:
    """Which touched addresses have other rows than before. Both sides are sorted alike."""
    before, after = counts_of(touched, known.address), counts_of(touched, merged.address)
    differs: NDArray[np.bool_] = before != after
    same = np.flatnonzero(~differs)
    if same.size:
        old, new = np.isin(known.address, touched[same]), np.isin(merged.address, touched[same])
        left, right = known.rows(old), merged.rows(new)
        unequal = (left.owner != right.owner) | (left.node != right.node)
        unequal |= (left.start_us != right.start_us) | (left.end_us != right.end_us)
        differs[np.searchsorted(touched, left.address[unequal])] = True
    return differs
