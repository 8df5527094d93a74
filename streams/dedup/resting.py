"""What of the heartbeats of a block is new: the memory of one partition, disposable, that they are compared with.

A *slice* is the heartbeats of one batch index of a node. A holding of it *goes on* where the slice's last batch had it too, up to exactly
the instant from which this batch has it, and this batch has it up to its own end. What goes on is not written. Instead there are

1. ranges of a chain, open: the holding began here, or is told again. A chain is a number, drawn anew where there is no last batch that
   this one goes on from;
2. the same ranges with their whole length, `ended`: the holding did not go on;
3. a rest of the chain, which each block moves on: up to its end, all ranges of the chain went on that have not ended.

Only this memory writes ranges and rests of the chains that it has drawn, and it knows every open one: a rest says no more than the
heartbeats did, whatever was lost, repeated, out of order or applied by several workers, as long as a block's ranges are in the tables
before its rests. What goes on from nothing that is remembered is told as it was before there were chains, range by range.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import I64, U32, U64
from schemas.instants import FOREVER_US, NEVER_US
from schemas.records.flow_batch import FlowBatch, HeartbeatColumns
from streams.clock import now_us
from streams.columns.hashing import address_words

RESTING_BYTES = 64 << 20
"""Of one partition: 1.4 million holdings in slices of some hundreds. Beyond it, the slices that came longest ago are forgotten, and told
range by range when they come again."""

TOLD_AGAIN_US = 7 * 86_400_000_000
"""What goes on is written again, each slice at its own time, between half of this and all of it: long before the first row expires, and
an insert reaches back into two weekly parts of the table at most."""

LATENESS_US = 15_000_000
"""By so much, and a quarter of the whole, a batch may be applied later or sooner after its end than the first of a rest. Otherwise another
rest begins: when something was told is known to within as much."""

_Key = tuple[str, str, int]
"""network, node_id, batch_index."""
_ABSENT = 0xFFFFFFFF


class _Chain(NamedTuple):
    """It goes on no further than `due_us`. `since_us`, `late_us`: of the rest at hand, where it begins, and its first batch's lateness."""

    number: int
    due_us: int
    since_us: int
    late_us: int


@dataclass
class _Slice:
    """Holdings, each once, that have gone on up to `end_us`, in the order of the last batch. `held.start_us`: of the row in the table.
    `workloads`: the batch's; `held.workload` indexes them.
    """

    workloads: tuple[str, ...]
    held: HeartbeatColumns
    end_us: int
    chain: _Chain

    @property
    def bytes(self) -> int:
        """An estimate."""
        return 1_500 + 39 * len(self.held) + 64 * len(self.workloads)

    def workload_in(self, workloads: tuple[str, ...]) -> U32:
        """`held.workload` as indices of other names; `_ABSENT` where they lack one."""
        if workloads == self.workloads:
            return self.held.workload
        number = {name: index for index, name in enumerate(workloads)}
        return np.array([number.get(name, _ABSENT) for name in self.workloads], np.uint32)[self.held.workload]

    def goes_on(self, batch: FlowBatch, end_us: int) -> bool:
        """Whether the batch has the same holdings in the same order, and all go on up to `end_us`. Its names are taken over then."""
        beats, held = batch.heartbeats, self.held
        if len(beats) != len(held) or not (_all_are(beats.start_us, self.end_us) and _all_are(beats.end_us, end_us)):
            return False
        workload = self.workload_in(batch.workloads)
        pairs = ((beats.workload, workload), (beats.ip, held.ip), (beats.port, held.port), (beats.protocol, held.protocol))
        if any(one is not other and one.tobytes() != other.tobytes() for one, other in pairs):
            return False
        # As the reader has them: found to be the same at once when they come again.
        self.workloads = batch.workloads
        self.held = HeartbeatColumns(beats.ip, beats.workload, beats.port, beats.protocol, held.start_us, held.end_us)
        return True


class Rest(NamedTuple):
    """From `start_us` up to `end_us` all ranges of the chain that have not ended went on. `late`: so many seconds after its end each batch
    was applied at least.
    """

    network: str
    node_id: str
    chain: int
    start_us: int
    end_us: int
    late: int


class Chained(NamedTuple):
    """The heartbeats of `batch`, as ranges of the chain: open, or with their whole length."""

    batch: FlowBatch
    chain: int
    ended: bool


class Told(NamedTuple):
    """What is to be written of a block's heartbeats. `plain`: batches with those that no rest extends."""

    plain: tuple[FlowBatch, ...]
    chained: tuple[Chained, ...]
    rests: tuple[Rest, ...]


class Resting:
    """Used by one thread at a time. Where what it told may never be written, `forget` must be called.

    `draw`: a number that no other call has given, in whichever process. `clock`: microseconds since the epoch.
    """

    def __init__(
        self,
        max_bytes: int = RESTING_BYTES,
        draw: Callable[[], int] = lambda: secrets.randbits(63) + 1,
        clock: Callable[[], int] = now_us,
    ) -> None:
        self.max_bytes = max_bytes
        self._draw = draw
        self._clock = clock
        self.bytes = 0
        self._slices: dict[_Key, tuple[_Slice, int]] = {}  # with the bytes that it counts for

    def forget(self) -> None:
        self._slices.clear()
        self.bytes = 0

    def tell(self, batches: Sequence[FlowBatch], network: str = "default") -> Told:
        """What the heartbeats of a block say, and remembers it: once a block. `network` is for batches that name none."""
        telling = _Telling(self._clock(), self._draw)
        for batch in batches:
            if len(batch.heartbeats):
                self._hear(batch, (batch.network or network, batch.node_id, batch.batch_index), telling)
        return telling.told()

    def _hear(self, batch: FlowBatch, key: _Key, telling: _Telling) -> None:
        known, end_us = self._slices.get(key, (None, 0))[0], int(batch.heartbeats.end_us.max())
        if known is not None and known.end_us < end_us <= known.chain.due_us and known.goes_on(batch, end_us):
            self._keep(key, telling.rest(key, known, end_us))
            return
        batch = _saying(batch)
        if not len(batch.heartbeats):
            return
        end_us = int(batch.heartbeats.end_us.max())
        behind = known is not None and end_us <= known.end_us
        if behind or end_us >= FOREVER_US or len(set(batch.workloads)) < len(batch.workloads):
            telling.plainly(batch, np.ones(len(batch.heartbeats), np.bool_))
        else:
            self._keep(key, _changed(known, batch, key, end_us, telling))

    def _keep(self, key: _Key, heard: _Slice) -> None:
        """As the last to be forgotten."""
        _, replaced = self._slices.pop(key, (None, 0))
        self._slices[key] = heard, heard.bytes
        self.bytes += heard.bytes - replaced
        while self.bytes > self.max_bytes:
            _, freed = self._slices.pop(next(iter(self._slices)))
            self.bytes -= freed


class _Telling:
    """Collects what is told of one block, at one instant."""

    def __init__(self, at_us: int, draw: Callable[[], int]) -> None:
        self._at_us = at_us
        self._draw = draw
        self._plain: list[FlowBatch] = []
        self._chained: list[Chained] = []
        self._rests: dict[tuple[int, int], Rest] = {}

    def chain(self, end_us: int) -> _Chain:
        """A new one, that begins with a batch up to there."""
        number = self._draw()
        due_us = end_us + TOLD_AGAIN_US // 2 + number % (TOLD_AGAIN_US // 2)
        return _Chain(number, due_us, end_us, self._at_us - end_us)

    def rest(self, key: _Key, known: _Slice, end_us: int) -> _Slice:
        """The slice goes on up to there."""
        late_us = self._at_us - end_us
        if abs(late_us - known.chain.late_us) > LATENESS_US + abs(known.chain.late_us) // 4:
            known.chain = known.chain._replace(since_us=known.end_us, late_us=late_us)
        chain, known.end_us = known.chain, end_us
        late = min(max(0, late_us // 1_000_000), 0xFFFFFFFF)
        before = self._rests.get((chain.number, chain.since_us))
        least = late if before is None else min(late, before.late)
        self._rests[chain.number, chain.since_us] = Rest(key[0], key[1], chain.number, chain.since_us, end_us, least)
        return known

    def plainly(self, batch: FlowBatch, chosen: NDArray[np.bool_]) -> None:
        if chosen.any():
            self._plain.append(replace(batch, heartbeats=_rows(batch.heartbeats, chosen)))

    def chained(self, batch: FlowBatch, beats: HeartbeatColumns, chain: _Chain, *, ended: bool = False) -> None:
        """Their names are the batch's."""
        if len(beats):
            self._chained.append(Chained(replace(batch, heartbeats=beats), chain.number, ended))

    def told(self) -> Told:
        return Told(tuple(self._plain), tuple(self._chained), tuple(self._rests.values()))


def _changed(known: _Slice | None, batch: FlowBatch, key: _Key, end_us: int, telling: _Telling) -> _Slice:
    """The slice behind a batch that is not just what was there; tells how it came to be. The chain goes on if that takes fewer rows."""
    beats = batch.heartbeats
    before, alone = _before(known, batch)
    whole = alone & (beats.end_us == end_us)
    telling.plainly(batch, ~whole)
    if known is not None and end_us <= known.chain.due_us:
        goes_on = whole & (before >= 0) & (beats.start_us == known.end_us)
        ends = np.ones(len(known.held), np.bool_)
        ends[before[goes_on]] = False
        if 2 * np.count_nonzero(ends) <= len(ends):
            telling.chained(replace(batch, workloads=known.workloads), _rows(known.held, ends, known.end_us), known.chain, ended=True)
            telling.chained(batch, _rows(beats, whole & ~goes_on), known.chain)
            beats.start_us[goes_on] = known.held.start_us[before[goes_on]]
            return telling.rest(key, _Slice(batch.workloads, _rows(beats, whole), known.end_us, known.chain), end_us)
    after = _Slice(batch.workloads, _rows(beats, whole), end_us, telling.chain(end_us))
    telling.chained(batch, after.held, after.chain)
    return after


def _before(known: _Slice | None, batch: FlowBatch) -> tuple[I64, NDArray[np.bool_]]:
    """For each heartbeat the row of `known` that is the same holding, or -1; and whether the batch has the holding only once."""
    beats, old = batch.heartbeats, 0
    keys = _words(beats, beats.workload)
    if known is not None:
        old = len(known.held)
        keys = np.concatenate((_words(known.held, known.workload_in(batch.workloads)), keys), axis=1)
    order = np.lexsort(keys)
    ordered = keys[:, order]
    group = np.zeros(len(order), np.int64)
    group[1:] = np.cumsum((ordered[:, 1:] != ordered[:, :-1]).any(axis=0))
    is_old = order < old
    said = np.bincount(group[~is_old], minlength=len(order))
    row = np.full(len(order), -1, np.int64)
    row[group[is_old]] = order[is_old]
    before, alone = np.empty(len(beats), np.int64), np.empty(len(beats), np.bool_)
    before[order[~is_old] - old] = row[group[~is_old]]
    alone[order[~is_old] - old] = said[group[~is_old]] == 1
    return before, alone


def _words(beats: HeartbeatColumns, workload: U32) -> U64:
    """Three words for each holding, which are equal where it is the same."""
    rest = workload.astype(np.uint64) << np.uint64(32) | beats.port.astype(np.uint64) << np.uint64(8) | beats.protocol.astype(np.uint64)
    return np.stack((*address_words(beats.ip), rest))


def _saying(batch: FlowBatch) -> FlowBatch:
    """A copy without heartbeats that say nothing: no workload, or no time."""
    beats = batch.heartbeats
    says = (beats.start_us < np.minimum(beats.end_us, FOREVER_US)) & (beats.start_us > NEVER_US)
    if "" in batch.workloads:
        says &= beats.workload != batch.workloads.index("")
    return replace(batch, heartbeats=_rows(beats, says))


def _all_are(instants_us: I64, instant_us: int) -> bool:
    """An array without a stride is of one value."""
    return bool(instants_us[0] == instant_us if instants_us.strides == (0,) else (instants_us == instant_us).all())


def _rows(beats: HeartbeatColumns, chosen: NDArray[np.bool_], end_us: int | None = None) -> HeartbeatColumns:
    """A copy of the chosen rows; with that end, where one is given."""
    ends = beats.end_us[chosen] if end_us is None else np.full(np.count_nonzero(chosen), end_us, np.int64)
    return HeartbeatColumns(
        beats.ip[chosen], beats.workload[chosen], beats.port[chosen], beats.protocol[chosen], beats.start_us[chosen], ends
    )
