"""Reading the pinned map of names that were asked for, while the kernel writes to it."""

from __future__ import annotations

import ctypes

import numpy as np
from numpy.typing import NDArray

from bpf import syscalls
from bpf.layout import DOMAIN, DOMAIN_KEY

CHUNK = 1_024
"""Entries read at a time, 300 kB of them. A bucket of the kernel's table, which is read whole, never has that many."""


def read_domains(fd: int) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """Keys (DOMAIN_KEY) and values (DOMAIN), row for row. What is added meanwhile may be among them."""
    keys, values = [np.empty(0, DOMAIN_KEY)], [np.empty(0, DOMAIN)]
    cursor, started, ended = ctypes.c_uint32(), False, False
    while not ended:
        some, of_some = np.empty(CHUNK, DOMAIN_KEY), np.empty(CHUNK, DOMAIN)
        count, ended = syscalls.lookup_batch(fd, cursor, not started, some.ctypes.data, of_some.ctypes.data, CHUNK)
        keys.append(some[:count])
        values.append(of_some[:count])
        started = True
    return np.concatenate(keys), np.concatenate(values)


def forget_domains(fd: int, keys: NDArray[np.void]) -> None:
    """Removes entries. One that was answered anew since it was read goes, too: its flows have no name until it is asked for again."""
    keys = np.ascontiguousarray(keys)
    if len(keys):
        syscalls.delete_batch(fd, keys.ctypes.data, len(keys))
