"""Reading pinned maps into numpy, without an object per entry."""

from __future__ import annotations

import ctypes
import errno

import numpy as np
from numpy.typing import NDArray

from bpf import syscalls
from bpf.layout import KEY, LOSS, VALUE

CLEAR_BATCH = 4096


def read_all(fd: int, capacity: int) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """Every entry of a quiet flow map: keys (KEY) and values (VALUE), row for row.

    `capacity` is the room to start with, in entries; untouched room costs no memory.
    """
    keys, values = np.empty(capacity, KEY), np.empty(capacity, VALUE)
    cursor, filled, ended = ctypes.c_uint32(), 0, False
    while not ended:
        try:
            count, ended = syscalls.lookup_batch(
                fd,
                cursor,
                filled == 0,
                keys.ctypes.data + filled * KEY.itemsize,
                values.ctypes.data + filled * VALUE.itemsize,
                len(keys) - filled,
            )
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            keys, values, count = _grown(keys), _grown(values), 0
        filled += count
    return keys[:filled], values[:filled]


def _grown(rows: NDArray[np.void]) -> NDArray[np.void]:
    larger = np.empty(2 * len(rows) + 64, rows.dtype)
    larger[: len(rows)] = rows
    return larger


def clear_all(fd: int) -> int:
    """Empties a quiet flow map; returns how many entries there were."""
    keys, values = np.empty(CLEAR_BATCH, KEY), np.empty(CLEAR_BATCH, VALUE)
    cursor, removed, ended, start = ctypes.c_uint32(), 0, False, True
    while not ended:
        count, ended = syscalls.lookup_batch(fd, cursor, start, keys.ctypes.data, values.ctypes.data, CLEAR_BATCH, delete=True)
        removed, start = removed + count, False
    return removed


def read_losses(fd: int, reasons: int, cpus: int) -> NDArray[np.void]:
    """The loss counters by reason, summed over all CPUs: `reasons` rows of LOSS."""
    total = np.zeros(reasons, LOSS)
    for reason in range(reasons):
        of_cpus = np.frombuffer(syscalls.map_lookup(fd, reason, cpus * LOSS.itemsize), LOSS)
        for name in LOSS.names or ():
            total[name][reason] = of_cpus[name].sum()
    return total
