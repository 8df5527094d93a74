"""Reading pinned maps into numpy, without an object per entry."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from bpf import syscalls
from bpf.layout import ENTRY, KEY, LOSS, VALUE
from schemas.records.histogram import Histogram, joined_histograms

CHUNK = 2048
"""Entries read at a time, 1.1 MB of them. A bucket of the kernel's table, which is read whole, never has that many."""


def read_all(fd: int, capacity: int) -> tuple[NDArray[np.void], NDArray[np.void], Histogram, Histogram]:
    """Every entry of a quiet flow map: keys (KEY), values (VALUE), row for row, and the histograms of round trips and of connects.

    `capacity` is the room to start with, in entries; untouched room costs no memory.
    """
    keys, values, filled = np.empty(capacity, KEY), np.empty(capacity, VALUE), 0
    rtt, connect = [], []
    for some, entries in _chunks(fd):
        while filled + len(some) > len(keys):
            keys, values = _grown(keys), _grown(values)
        keys[filled : filled + len(some)], values[filled : filled + len(some)] = some, entries["counters"]
        rtt.append((_sparse(entries["rtt"]), len(some)))
        connect.append((_sparse(entries["connect"]), len(some)))
        filled += len(some)
    return keys[:filled], values[:filled], joined_histograms(rtt), joined_histograms(connect)


def clear_all(fd: int) -> int:
    """Empties a quiet flow map; returns how many entries there were."""
    return sum(len(keys) for keys, _ in _chunks(fd, delete=True))


def _chunks(fd: int, delete: bool = False) -> Iterator[tuple[NDArray[np.void], NDArray[np.void]]]:
    """Keys (KEY) and entries (ENTRY) of a quiet flow map. Each chunk is gone when the next one is asked for."""
    keys, entries = np.empty(CHUNK, KEY), np.empty(CHUNK, ENTRY)
    cursor, started, ended = ctypes.c_uint32(), False, False
    while not ended:
        count, ended = syscalls.lookup_batch(fd, cursor, not started, keys.ctypes.data, entries.ctypes.data, CHUNK, delete)
        yield keys[:count], entries[:count]
        started = True


def _sparse(samples: NDArray[np.uint32]) -> Histogram:
    """Of rows of samples by bucket."""
    row, bucket = np.nonzero(samples)
    return Histogram(row.astype(np.uint32), bucket.astype(np.uint8), samples[row, bucket])


def _grown(rows: NDArray[np.void]) -> NDArray[np.void]:
    larger = np.empty(2 * len(rows) + 64, rows.dtype)
    larger[: len(rows)] = rows
    return larger


def read_losses(fd: int, reasons: int, cpus: int) -> NDArray[np.void]:
    """The loss counters by reason, summed over all CPUs: `reasons` rows of LOSS."""
    total = np.zeros(reasons, LOSS)
    for reason in range(reasons):
        of_cpus = np.frombuffer(syscalls.map_lookup(fd, reason, cpus * LOSS.itemsize), LOSS)
        for name in LOSS.names or ():
            total[name][reason] = of_cpus[name].sum()
    return total
