"""Batches as their nodes say them: what a slice said in its last window, word for word, is prolonged without looking at it again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from schemas.arrays import I64
from schemas.records.flow_batch import FlowBatch, HeartbeatColumns
from schemas.records.ownership_changes import OwnershipChanges
from streams.ownership.leases import HoldingHashes
from streams.ownership.map import OwnershipMap
from streams.ownership.observations import from_flows, from_heartbeats
from streams.ownership.slices import Heard, hear_slices
from streams.ownership.told import changes_of

_ROWS = 8_000
"""Heartbeats, and sightings, that are compared and told at once: with as many that ended, a message of a megabyte at most."""


@dataclass
class _Slice:
    """`words`: a digest of what it last said, where all of it began at one instant and ended at one; `state`: of the lease then."""

    lease: int
    words: bytes = b""
    state: bytes = b""


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
        changes: list[OwnershipChanges] = []
        spoken: set[int] = set()
        for batch, partition in zip(batches, partitions, strict=False):
            if len(batch.heartbeats):
                lease = self._slice_of(batch).lease  # a new one may replace the table's columns
                self._known.evidence.leases.home[lease] = partition
        for part in self._rounds([batch for batch in batches if len(batch.heartbeats)]):
            spoken |= {self._slice_of(batch).lease for batch in part}
            changes += self._hear_round(part)
        changes += self._see(batches)
        return changes, np.array(sorted(spoken), np.int64)

    def _rounds(self, batches: Sequence[FlowBatch]) -> list[list[FlowBatch]]:
        """Of each slice one batch at most, in the order of arrival, and no more heartbeats than a message has room for."""
        rounds: list[list[FlowBatch]] = []
        rows: list[int] = []
        times: dict[int, int] = {}
        for batch in batches:
            lease, size = self._slice_of(batch).lease, len(batch.heartbeats)
            turn = times.get(lease, -1) + 1
            while turn < len(rounds) and rows[turn] + size > _ROWS:
                turn += 1
            if turn == len(rounds):
                rounds.append([])
                rows.append(0)
            rounds[turn].append(batch)
            rows[turn] += size
            times[lease] = turn
        return rounds

    def _hear_round(self, batches: Sequence[FlowBatch]) -> list[OwnershipChanges]:
        table = self._known.evidence.leases
        leases, until_us, others = [], [], []
        for batch in batches:
            known, beats = self._slice_of(batch), batch.heartbeats
            span, words = _span(beats), _words(batch)
            lease = known.lease
            repeats = span is not None and words == known.words and known.state == table.state[lease].tobytes()
            if repeats and span is not None and table.since_us[lease] <= span[0] <= table.until_us[lease]:
                leases.append(lease)
                until_us.append(span[1])
            else:
                others.append((batch, words if span is not None else b""))
        self._known.extend(np.array(leases, np.int64), np.array(until_us, np.int64))
        return self._compare([batch for batch, _ in others], [words for _, words in others]) if others else []

    def _compare(self, batches: Sequence[FlowBatch], words: Sequence[bytes]) -> list[OwnershipChanges]:
        """Learn batches, one of each slice, that do not repeat what was said. `words`: empty where they cannot be repeated as they are."""
        observations = from_heartbeats(batches, self._network)
        slices = [self._slice_of(batch) for batch in batches]
        leases = np.array([known.lease for known in slices], np.int64)
        of = np.repeat(np.arange(len(batches)), [len(batch.heartbeats) for batch in batches])
        telling = self._known.evidence.telling(observations)
        said = self._known.evidence.numbered(observations.rows(telling))
        table = self._known.evidence.leases
        before_us = table.until_us[leases]
        heard = hear_slices(self._known, self._hashes, leases, said, of[telling])
        all_tell = np.ones(len(batches), np.bool_)
        all_tell[of[~telling]] = False
        whole = all_tell & (table.until_us[leases] > before_us)
        for known, word, is_whole in zip(slices, words, whole.tolist(), strict=True):
            known.words, known.state = (word, table.state[known.lease].tobytes()) if is_whole else (b"", b"")
        return [self._changes(heard)] if len(heard.leases) or len(heard.of) else []

    def _changes(self, heard: Heard) -> OwnershipChanges:
        return changes_of(self._known, heard, heard.ranges.rows(np.zeros(len(heard.of), np.bool_)))

    def _see(self, batches: Sequence[FlowBatch]) -> list[OwnershipChanges]:
        observations = from_flows(batches, self._network)
        observations = observations.rows(self._known.evidence.telling(observations))
        if not len(observations):
            return []
        seen = self._known.evidence.numbered(observations)
        changed = self._known.see(seen)
        seen = seen.rows(np.isin(seen.address, changed))
        cuts = range(0, len(seen.address), _ROWS)
        return [changes_of(self._known, Heard.nothing(), seen.rows(np.arange(cut, min(cut + _ROWS, len(seen.address))))) for cut in cuts]

    def _slice_of(self, batch: FlowBatch) -> _Slice:
        key = (batch.network or self._network, batch.node_id, batch.batch_index)
        found = self._slices.get(key)
        if found is None:
            names = self._known.names
            lease = self._known.evidence.leases.number(names.number(key[0]), names.number(key[1]), key[2])
            found = self._slices[key] = _Slice(lease)
        return found


def _span(beats: HeartbeatColumns) -> tuple[int, int] | None:
    """From when to when, where all of it is said of one time."""
    start_us, end_us = beats.start_us, beats.end_us
    if (start_us == start_us[0]).all() and (end_us == end_us[0]).all():
        return int(start_us[0]), int(end_us[0])
    return None


def _words(batch: FlowBatch) -> bytes:
    beats = batch.heartbeats
    digest = blake2b("\0".join(batch.workloads).encode(), digest_size=16)
    for column in (beats.ip, beats.workload, beats.port, beats.protocol):
        digest.update(column.tobytes())
    return digest.digest()
