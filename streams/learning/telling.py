"""What a worker tells the others on weir.ownership, under which keys: what compaction keeps of it is what rebuilds the map.

| key | value | rewritten |
|---|---|---|
| @changes/WORKER/NUMBER | what changed, of many addresses | never; removed once all of it ended a retention ago |
| @leases/PARTITION/SHELF | up to when the partition's nodes, by a hash of their names, have gone on | with each window, while they do |
| @holdings/PARTITION/SHELF/PART | all that these nodes hold | every ten minutes, and where two workers speak of them |
| @nodes/NODE/SINCE/PLACE | a node's stay in a zone, up to then | when another stay begins, and when another worker reads the node |
| @watermark/PARTITION | how far the partition has been read | twice a second |
| NETWORK/IP | an address's ranges, for workers that read nothing else | with each window, for as long as there are such workers |

An address's key is removed once there has been no such worker for a retention, and its ranges ended a retention ago; a stay's once it ended
a retention ago, or its node has been silent for so long.

A range stands in the changes that its end brought about, whole; one that has not ended in the holdings; and what happened since the
holdings were told in the changes behind them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from itertools import count, islice
from zlib import crc32

from schemas import headers, topics
from schemas.instants import NEVER_US
from schemas.records.node_place import NodePlace
from schemas.records.ownership_changes import OwnershipChanges
from schemas.wire.ownership_codec import encode_changes, encode_leases, encode_node_place
from streams.clock import elapsed_us, now_us
from streams.outputs.producer import Record
from streams.ownership.locked_map import Learned, LockedOwnershipMap

logger = logging.getLogger(__name__)
CHANGES, LEASES, HOLDINGS, NODES = "@changes", "@leases", "@holdings", "@nodes"
_WHOLE_EVERY_US = 600_000_000
_WHOLE_SHELVES = 64
_KEYS = 500_000
"""So many keys of changes are remembered, and as many of addresses, to be removed once they are of no use; more are left to a later
worker, which reads them anew."""
_GONE = 20_000
"""So many keys are removed at once: the rest waits for the next time."""


def home_of(key: bytes) -> int:
    """The partition of weir.flows that a key speaks of; -1: of none in particular."""
    kind, _, rest = key.decode(errors="replace").partition("/")
    partition = rest.partition("/")[0]
    return int(partition) if kind in (LEASES, HOLDINGS) and partition.isdecimal() and len(partition) < 10 else -1


class OwnershipTelling:
    """`frame` as of a Framer. Used by the learner's thread alone."""

    def __init__(self, store: LockedOwnershipMap, frame: Callable[[str, bytes], bytes], worker: str) -> None:
        self._store = store
        self._frame = frame
        self._worker = worker
        self._marks = ((headers.WORKER, worker.encode()), (headers.LEASES, b"1"))
        self._numbers = count()
        self._ends: dict[bytes, int] = {}
        self._single: dict[bytes, int] = {}
        self._singles_wanted_us = 0
        self._shelf = 0
        self._shelf_due_us = 0
        self._contested: set[tuple[int, int]] = set()

    def record(self, key: bytes, value: bytes) -> Record:
        return Record(topics.OWNERSHIP_TOPIC, key, value, self._marks)

    def changes(self, learned: Learned) -> list[Record]:
        """What batches taught, as soon as it is known."""
        told = [self.record(one.key, self._frame("Ownership", one.body)) for one in learned.one_by_one]
        for record in told:
            self.remember_single(record.key, (), now_us())
        for changes in learned.changes:
            key = f"{CHANGES}/{self._worker}/{next(self._numbers)}".encode()
            told.append(self.record(key, self._frame("OwnershipChanges", encode_changes(changes))))
            self.remember(key, changes)
        told += [self.record(_place_key(place), self._frame("NodePlace", encode_node_place(place))) for place in learned.places]
        return told

    def leases(self, partitions: Collection[int]) -> list[Record]:
        """Who went on, of the nodes of these partitions: before the watermarks that stand for it."""
        return [
            self.record(f"{LEASES}/{home}/{shelf}".encode(), self._frame("OwnershipLeases", encode_leases(leases)))
            for home, shelf, leases in self._store.due_leases(partitions)
        ]

    def holdings(self, partitions: Collection[int]) -> list[Record]:
        """All that some nodes hold: those whose turn it is, and those that another worker has spoken of as well."""
        due = self._store.contested(partitions, _WHOLE_SHELVES)
        if elapsed_us() >= self._shelf_due_us:
            self._shelf_due_us = elapsed_us() + _WHOLE_EVERY_US // _WHOLE_SHELVES
            self._shelf = (self._shelf + 1) % _WHOLE_SHELVES
            due |= {(partition, self._shelf) for partition in partitions}
        return [
            self.record(f"{HOLDINGS}/{home}/{shelf}/{part}".encode(), self._frame("OwnershipChanges", encode_changes(whole)))
            for home, shelf in sorted(due)
            for part, whole in enumerate(self._store.whole(home, shelf, _WHOLE_SHELVES))
        ]

    def remember(self, key: bytes, changes: OwnershipChanges) -> None:
        """A key of changes, by this worker or another."""
        if len(self._ends) < _KEYS and key.startswith(CHANGES.encode()):
            self._ends[key] = int(changes.ranges.end_us.max(initial=0))

    def remember_single(self, key: bytes, ends_us: Sequence[int], told_us: int) -> None:
        """A key of one address, by this worker or another, which Kafka had at `told_us`. `ends_us`: of the ranges that newer workers learn
        from it.
        """
        self.singles_wanted(told_us)
        if key in self._single or len(self._single) < _KEYS:
            self._single[key] = max(ends_us, default=NEVER_US)

    def singles_wanted(self, then_us: int) -> None:
        """Then there was a worker that reads keys of one address alone."""
        self._singles_wanted_us = max(self._singles_wanted_us, then_us)

    def forget(self, before_us: int, quiet_us: int, partitions: Collection[int], of: int) -> list[Record]:
        """Removes what ended by `before_us`; keys of one address only where no worker has wanted them since `quiet_us`.

        Each of the workers removes those whose keys fall to its share of the `of` partitions.
        """
        ended = _ended(self._ends, before_us)
        if self._singles_wanted_us < quiet_us:
            ended += _ended(self._single, before_us)
        ended += map(_place_key, self._store.gone_places())
        return [Record(topics.OWNERSHIP_TOPIC, key, None, self._marks) for key in ended if crc32(key) % of in partitions]


def _place_key(place: NodePlace) -> bytes:
    """Of one stay: what two workers tell of it has one key."""
    return f"{NODES}/{place.node_id}/{place.since_us}/{crc32(f'{place.region}/{place.zone}'.encode()):08x}".encode()


def _ended(ends: dict[bytes, int], before_us: int) -> list[bytes]:
    """Takes them out, some at a time."""
    ended = list(islice((key for key, end_us in ends.items() if end_us <= before_us), _GONE))
    for key in ended:
        del ends[key]
    return ended
