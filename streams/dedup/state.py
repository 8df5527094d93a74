"""What of a batch is new: the memory of one partition, a disposable copy of what the tables say.

A flow's identity is (node, epoch, window, key). Flows of open windows are remembered by the hash of their key; a window whose
batches have all been seen is remembered as complete, and everything that comes for it is a repeat. What is older than
the horizon and not known is late: refused, and reported as a loss.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import U64
from schemas.instants import FOREVER_US, NEVER_US
from schemas.records.flow_batch import FlowBatch, Loss
from streams.columns.hashing import loss_hash
from streams.dedup.interval_set import IntervalSet

_Source = tuple[str, int]
"""node_id, epoch."""


@dataclass(frozen=True)
class Admission:
    """What became of a batch: `new` marks its rows to be written; `losses` are to be written as well.

    `noted`: the batch belongs into the ledger of applied batches. `completes`: nothing of its window is missing any more.
    """

    new: NDArray[np.bool_]
    repeated: int
    late: int
    losses: tuple[Loss, ...]
    noted: bool
    completes: bool


@dataclass
class _Window:
    """Sorted runs of hashes, the (batch_count, batch_index) seen, and the node's newest window when it was last added to."""

    touched_us: int = NEVER_US
    runs: list[U64] = field(default_factory=list)
    batches: set[tuple[int, int]] = field(default_factory=set)

    @property
    def entries(self) -> int:
        return sum(map(len, self.runs))

    def unseen(self, hashes: U64) -> NDArray[np.bool_]:
        """True at the first occurrence of every hash that is not remembered."""
        new = _first_occurrences(hashes)
        for run in self.runs:
            at = np.minimum(np.searchsorted(run, hashes), len(run) - 1)
            new &= run[at] != hashes
        return new

    def remember(self, hashes: U64) -> None:
        """Hashes that are not remembered yet. Runs of like length are merged, so that few remain."""
        run = np.sort(hashes)
        while self.runs and len(self.runs[-1]) <= 2 * len(run):
            run = np.sort(np.concatenate((self.runs.pop(), run)), kind="stable")
        if len(run):
            self.runs.append(run)

    def whole(self, count: int) -> bool:
        return count > 0 and all((count, index) in self.batches for index in range(count))


class DedupState:
    """`horizon_us`: how far behind a node's newest window flows are remembered one by one. `max_entries`: remembered hashes in
    all; beyond it the oldest windows are forgotten first, and their node's horizon moves up to them.

    A window far in the future must be refused before it gets here: it would move its node's horizon with it.
    """

    def __init__(self, *, horizon_us: int, max_entries: int = 50_000_000) -> None:
        self.horizon_us, self.max_entries = horizon_us, max_entries
        self.entries = 0
        self.forgotten_windows = 0
        self._open: dict[_Source, dict[int, _Window]] = {}
        self._late: dict[_Source, dict[int, _Window]] = {}
        self._complete: dict[_Source, dict[int, IntervalSet]] = {}
        self._losses: dict[_Source, dict[int, int]] = {}
        self._epochs: dict[str, set[int]] = {}
        self._restored: set[_Source] = set()
        self._newest_us: dict[str, int] = {}
        self._floor_us: dict[str, int] = {}
        self._oldest: list[tuple[int, str, int, bool]] = []
        self._prune_at = 1_000

    @property
    def memory_bytes(self) -> int:
        """An estimate: 8 bytes a hash, half a kilobyte a window, 100 bytes a loss."""
        windows = sum(map(len, (*self._open.values(), *self._late.values())))
        return 8 * self.entries + 512 * windows + 100 * sum(map(len, self._losses.values()))

    def admit(self, batch: FlowBatch, hashes: U64) -> Admission:
        """`hashes`: one a row of `batch.flows`. Whatever is admitted is remembered from now on."""
        source, start_us = (batch.node_id, batch.epoch), batch.window_start_us
        self._advance(source, start_us)
        if source in self._restored:
            self._restored.remove(source)
            self._losses[source] = dict.fromkeys(self._losses[source], self._newest_us[batch.node_id])
        if self._is_complete(source, start_us):
            return Admission(np.zeros(len(hashes), np.bool_), len(hashes), 0, (), False, False)
        if start_us < self._floor(batch.node_id) and start_us not in self._open.get(source, {}):
            return self._admit_late(batch, hashes)
        window = self._window(self._open, source, start_us)
        new = window.unseen(hashes)
        fresh = hashes if new.all() else hashes[new]
        window.remember(fresh)
        self.entries += len(fresh)
        losses = self._unseen_losses(source, batch.losses)
        noted = batch.batch_count > 0 and (batch.batch_count, batch.batch_index) not in window.batches
        completes = self._see_batch(source, start_us, batch.window_end_us, batch.batch_index, batch.batch_count)
        self._shrink()
        return Admission(new, len(hashes) - len(fresh), 0, losses, noted, completes)

    def restore_flows(self, node_id: str, epoch: int, window_start_us: int, hashes: U64) -> None:
        """Flows that the tables hold already. In any order with the other restores."""
        source = (node_id, epoch)
        self._advance(source, window_start_us)
        if window_start_us < self._floor(node_id) or self._is_complete(source, window_start_us):
            return
        window = self._window(self._open, source, window_start_us)
        fresh = hashes[window.unseen(hashes)]
        window.remember(fresh)
        self.entries += len(fresh)
        self._shrink()

    def restore_batch(self, node_id: str, epoch: int, window_start_us: int, index: int, count: int, window_seconds: int = 0) -> None:
        """A batch that the ledger of the tables knows as applied. Windows of known length take no room each once complete."""
        source = (node_id, epoch)
        self._advance(source, window_start_us)
        if window_start_us >= self._floor(node_id) and not self._is_complete(source, window_start_us):
            self._window(self._open, source, window_start_us)
            self._see_batch(source, window_start_us, window_start_us + (window_seconds * 1_000_000 or 1), index, count)

    def restore_loss(self, node_id: str, epoch: int, loss: Loss) -> None:
        """A loss that the tables hold already. It counts as seen when the next batch of its source comes."""
        self._losses.setdefault((node_id, epoch), {})[loss_hash(loss)] = FOREVER_US
        self._restored.add((node_id, epoch))

    def _admit_late(self, batch: FlowBatch, hashes: U64) -> Admission:
        """Refuse the flows, once each, as one loss that is named by the flows it stands for."""
        source = (batch.node_id, batch.epoch)
        window = self._window(self._late, source, batch.window_start_us)
        refused = window.unseen(hashes)
        late = int(refused.sum())
        losses = batch.losses
        if late:
            window.remember(hashes[refused])
            self.entries += late
            flows = batch.flows.take(refused)
            losses = (*losses, Loss.of_flows(batch.window_start_us, "worker", "late", flows, hashes[refused]))
        admitted = self._unseen_losses(source, losses)
        self._shrink()
        return Admission(np.zeros(len(hashes), np.bool_), len(hashes) - late, late, admitted, False, False)

    def _window(self, kept: dict[_Source, dict[int, _Window]], source: _Source, start_us: int) -> _Window:
        windows = kept.setdefault(source, {})
        window = windows.get(start_us)
        if window is None:
            window = windows[start_us] = _Window()
            heapq.heappush(self._oldest, (start_us, *source, kept is self._late))
        window.touched_us = self._newest_us[source[0]]
        return window

    def _is_complete(self, source: _Source, start_us: int) -> bool:
        lengths = self._complete.get(source)
        return lengths is not None and any(start_us % length == 0 and start_us // length in done for length, done in lengths.items())

    def _see_batch(self, source: _Source, start_us: int, end_us: int, index: int, count: int) -> bool:
        """Note a batch of an open window; True when the window is complete by it, and needs its hashes no more."""
        window, length_us = self._open[source][start_us], end_us - start_us
        if count:
            window.batches.add((count, index))
        if not window.whole(count) or start_us % length_us:
            return False
        self.entries -= window.entries
        del self._open[source][start_us]
        number = start_us // length_us
        self._complete.setdefault(source, {}).setdefault(length_us, IntervalSet()).add(number, number + 1)
        return True

    def _unseen_losses(self, source: _Source, losses: Iterable[Loss]) -> tuple[Loss, ...]:
        """Losses seen for the first time; each is remembered for the horizon's length from the newest window on."""
        known = self._losses.setdefault(source, {})
        unseen: list[Loss] = []
        for loss in losses:
            if (identity := loss_hash(loss)) not in known:
                unseen.append(loss)
            known[identity] = self._newest_us.get(source[0], NEVER_US)
        return tuple(unseen)

    def _floor(self, node_id: str) -> int:
        """Windows that start before this are remembered no more."""
        return max(self._floor_us.get(node_id, NEVER_US), self._newest_us.get(node_id, NEVER_US) - self.horizon_us)

    def _advance(self, source: _Source, start_us: int) -> None:
        """Take note of a window; where it is its node's newest, forget what fell behind the horizon."""
        node_id, epoch = source
        self._epochs.setdefault(node_id, set()).add(epoch)
        if start_us <= self._newest_us.get(node_id, NEVER_US):
            return
        self._newest_us[node_id] = start_us
        behind_us = start_us - self.horizon_us
        for one in [(node_id, epoch) for epoch in self._epochs[node_id]]:
            windows, late = self._open.get(one, {}), self._late.get(one, {})
            for old_us in [old_us for old_us in windows if old_us < behind_us]:
                self.entries -= windows.pop(old_us).entries
            for old_us in [old_us for old_us, window in late.items() if window.touched_us < behind_us]:
                self.entries -= late.pop(old_us).entries
            seen = self._losses.get(one, {})
            if seen and min(seen.values()) < behind_us:
                self._losses[one] = {identity: at_us for identity, at_us in seen.items() if at_us >= behind_us}

    def _shrink(self) -> None:
        """Forget the oldest windows while there are too many entries."""
        if len(self._oldest) > self._prune_at:
            self._oldest = [mark for mark in self._oldest if mark[0] in (self._late if mark[3] else self._open).get(mark[1:3], {})]
            heapq.heapify(self._oldest)
            self._prune_at = 1_000 + 2 * len(self._oldest)
        while self.entries > self.max_entries and self._oldest:
            start_us, node_id, epoch, late = heapq.heappop(self._oldest)
            kept = self._late if late else self._open
            window = kept.get((node_id, epoch), {}).pop(start_us, None)
            if window is None:
                continue  # complete or beyond the horizon since
            self.entries -= window.entries
            self.forgotten_windows += 1
            if not late:
                self._floor_us[node_id] = max(self._floor_us.get(node_id, NEVER_US), start_us + 1)


def _first_occurrences(hashes: U64) -> NDArray[np.bool_]:
    ordered = np.sort(hashes)
    if not (ordered[1:] == ordered[:-1]).any():
        return np.ones(len(hashes), np.bool_)
    first: NDArray[np.bool_] = np.zeros(len(hashes), np.bool_)
    first[np.unique(hashes, return_index=True)[1]] = True
    return first
