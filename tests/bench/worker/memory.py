"""What a worker remembers, in bytes: an address with its owners, and a flow key."""

from __future__ import annotations

import tracemalloc
from dataclasses import dataclass

from streams.columns.merged import merge_batches
from streams.dedup.state import DedupState
from streams.ownership.map import OwnershipMap
from streams.ownership.observations import from_heartbeats
from tests.bench.worker.fleet import ADDRESSES_EACH, NODES, SECOND_US, Fleet

_TOGETHER = 100
_KEY_WINDOWS = range(4)
_KEY_NODES = range(1, 125, 2)


@dataclass(frozen=True)
class Memory:
    """Bytes as Python's allocators count them. `ranges`: time ranges known of an address."""

    addresses: int
    ranges: float
    bytes_an_address: float
    keys: int
    bytes_a_key: float


def measure() -> Memory:
    fleet = Fleet(1_767_225_600 * SECOND_US, 10)
    batches = list(fleet.introductions(range(0)))
    tracemalloc.start()
    try:
        known = OwnershipMap(gap_us=60 * SECOND_US, skew_us=250_000)
        for first in range(0, NODES, _TOGETHER):
            known.learn(from_heartbeats(batches[first : first + _TOGETHER]))
        owners, _ = tracemalloc.get_traced_memory()
        addresses = NODES * ADDRESSES_EACH
        keys, held = _keys(fleet)
    finally:
        tracemalloc.stop()
    return Memory(addresses, known.size / addresses, owners / addresses, keys, held / keys)


def _keys(fleet: Fleet) -> tuple[int, int]:
    """Keys of open windows: of nodes that do not say of how many batches a window has. How many, and bytes."""
    batches = list(fleet.messages(_KEY_NODES, _KEY_WINDOWS, 2_000))
    hashes = [merge_batches((batch,), region="").hashes() for batch in batches]
    before, _ = tracemalloc.get_traced_memory()
    state = DedupState(horizon_us=3_600 * SECOND_US)
    for batch, keys in zip(batches, hashes, strict=True):
        state.admit(batch, keys)
    after, _ = tracemalloc.get_traced_memory()
    return state.entries, after - before
