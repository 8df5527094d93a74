"""Batches as their nodes say them: what a slice said in its last window, word for word, is prolonged without looking at it again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import I64
from schemas.records.flow_batch import FlowBatch, HeartbeatColumns
from schemas.records.ownership_changes import OwnershipChanges
from streams.columns.sorting import distinct
from streams.ownership.leases import HoldingHashes
from streams.ownership.map import OwnershipMap
from streams.ownership.observations import from_flows, from_heartbeats
from streams.ownership.saying import changes_of
from streams.ownership.slices import Heard, hear_slices

_ROWS = 30_000
"""Heartbeats that are compared at once."""
_TOLD_ROWS = 8_000
"""Of a message: ranges of slices, and those of one slice more, and as many that are of none. A megabyte at most."""


Words = tuple[tuple[str, ...], tuple[NDArray[Any], ...]]
"""What a batch says but for its times: names, and the columns of its heartbeats. A reader gives equal ones as the same objects."""


@dataclass
class _Slice:
    """`words`: what it last said, where all of it began at one instant and ended at one; `state`: of the lease then."""

    lease: int
    words: Words | None = None
    state: bytes = b""


@dataclass(frozen=True)
class _Turn:
    """A batch and its slice."""

    batch: FlowBatch
    known: _Slice


class BatchHearing:
    """`network` is for batches that name none. Of one map, whose leases it knows by number."""

    def __init__(self, known: OwnershipMap, network: str) -> None:
        self._known = known
        self._network = network
        self._hashes = HoldingHashes(known.names)
        self._slices: dict[tuple[str, str, int], _Slice] = {}

    @property
    def hashes(self) -> HoldingHashes:
        return self._hashes

    def hear(self, batches: Sequence[FlowBatch], partitions: Sequence[int] = ()) -> tuple[list[OwnershipChanges], I64]:
        """Learn what the batches say. Returns what changed, in the order in which it did, and the leases that were spoken of.

        `partitions`: of weir.flows, where each batch stands.
        """
        beating = [_Turn(batch, self._slice_of(batch)) for batch in batches if len(batch.heartbeats)]
        if not beating:
            return self._see(batches), np.zeros(0, np.int64)
        spoken = np.array([turn.known.lease for turn in beating], np.int64)
        if len(partitions):
            homes = [partition for batch, partition in zip(batches, partitions, strict=True) if len(batch.heartbeats)]
            self._known.evidence.leases.home[spoken] = homes
        changes: list[OwnershipChanges] = []
        for part in _rounds(beating):
            changes += self._hear_round(part)
        changes += self._see(batches)
        return changes, distinct(spoken)

    def forget(self) -> None:
        """Let go of what slices said that hold nothing any more: their nodes are gone, and the columns would stay."""
        held = np.any(self._known.evidence.leases.state, axis=1)
        for known in self._slices.values():
            if not held[known.lease]:
                known.words = None

    def _hear_round(self, turns: Sequence[_Turn]) -> list[OwnershipChanges]:
        """`turns`: one of each slice at most."""
        table = self._known.evidence.leases
        leases, until_us = [], []
        others: list[tuple[_Turn, Words | None]] = []
        for turn in turns:
            known, beats = turn.known, turn.batch.heartbeats
            span, words, lease = _span(beats), _words(turn.batch), known.lease
            repeats = span is not None and _same(words, known.words) and known.state == table.state[lease].tobytes()
            if repeats and span is not None and table.since_us[lease] <= span[0] <= table.until_us[lease]:
                known.words = words  # as the reader has them: found to be the same at once when they come again
                leases.append(lease)
                until_us.append(span[1])
            else:
                others.append((turn, words if span is not None else None))
        self._known.extend(np.array(leases, np.int64), np.array(until_us, np.int64))
        told: list[OwnershipChanges] = []
        for some in _of_rows(others):
            told += self._compare([turn.batch for turn, _ in some], [turn.known for turn, _ in some], [words for _, words in some])
        return told

    def _compare(self, batches: Sequence[FlowBatch], slices: Sequence[_Slice], words: Sequence[Words | None]) -> list[OwnershipChanges]:
        """Learn batches, one of each slice, that do not repeat what was said. `words`: None where they cannot be repeated as they are."""
        observations = from_heartbeats(batches, self._network)
        leases = np.array([known.lease for known in slices], np.int64)
        of = np.repeat(np.arange(len(batches)), [len(batch.heartbeats) for batch in batches])
        telling = self._known.evidence.telling(observations)
        said = self._known.evidence.numbered(observations if telling.all() else observations.rows(telling))
        table = self._known.evidence.leases
        before_us = table.until_us[leases]
        heard = hear_slices(self._known, self._hashes, leases, said, of[telling])
        all_tell = np.ones(len(batches), np.bool_)
        all_tell[of[~telling]] = False
        whole = all_tell & (table.until_us[leases] > before_us)
        for known, word, is_whole in zip(slices, words, whole.tolist(), strict=True):
            known.words, known.state = (word, table.state[known.lease].tobytes()) if is_whole else (None, b"")
        return [changes_of(self._known, part, part.ranges.rows(np.zeros(len(part.of), np.bool_))) for part in heard.parts(_TOLD_ROWS)]

    def _see(self, batches: Sequence[FlowBatch]) -> list[OwnershipChanges]:
        if not any(len(batch.flows) for batch in batches):
            return []
        observations = from_flows(batches, self._network)
        observations = observations.rows(self._known.evidence.telling(observations))
        if not len(observations):
            return []
        seen = self._known.evidence.numbered(observations)
        changed = self._known.see(seen)
        seen = seen.rows(np.isin(seen.address, changed))
        cuts = range(0, len(seen.address), _TOLD_ROWS)
        return [
            changes_of(self._known, Heard.nothing(), seen.rows(np.arange(cut, min(cut + _TOLD_ROWS, len(seen.address))))) for cut in cuts
        ]

    def _slice_of(self, batch: FlowBatch) -> _Slice:
        key = (batch.network or self._network, batch.node_id, batch.batch_index)
        found = self._slices.get(key)
        if found is None:
            names = self._known.names
            lease = self._known.evidence.leases.number(names.number(key[0]), names.number(key[1]), key[2])
            found = self._slices[key] = _Slice(lease)
        return found


def _rounds(turns: Sequence[_Turn]) -> list[list[_Turn]]:
    """Of each slice one batch at most, in the order of arrival."""
    rounds: list[list[_Turn]] = []
    times: Counter[int] = Counter()
    for turn in turns:
        number = times[turn.known.lease]
        times[turn.known.lease] += 1
        if number == len(rounds):
            rounds.append([])
        rounds[number].append(turn)
    return rounds


def _of_rows(turns: Sequence[tuple[_Turn, Words | None]]) -> list[list[tuple[_Turn, Words | None]]]:
    """In parts of no more heartbeats than a message has room for."""
    parts: list[list[tuple[_Turn, Words | None]]] = []
    room = 0
    for one in turns:
        rows = len(one[0].batch.heartbeats)
        if rows > room:
            parts.append([])
            room = _ROWS
        parts[-1].append(one)
        room -= rows
    return parts


def _span(beats: HeartbeatColumns) -> tuple[int, int] | None:
    """From when to when, where all of it is said of one time."""
    start_us, end_us = beats.start_us, beats.end_us
    alike = start_us.strides == end_us.strides == (0,)
    if alike or ((start_us == start_us[0]).all() and (end_us == end_us[0]).all()):
        return int(start_us[0]), int(end_us[0])
    return None


def _words(batch: FlowBatch) -> Words:
    beats = batch.heartbeats
    return batch.workloads, (beats.ip, beats.workload, beats.port, beats.protocol)


def _same(words: Words, others: Words | None) -> bool:
    if others is None or words[0] != others[0]:
        return False
    return all(one is other or np.array_equal(one, other) for one, other in zip(words[1], others[1], strict=True))
