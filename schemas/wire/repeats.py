"""What a node says again in each window, word for word, is read once: a batch's names, and which workload held which address.

It is kept by node and slice with its very bytes. A batch that brings the same bytes has the same names and columns, as the same objects:
who compares it with the last one has to look at nothing else.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import lru_cache
from threading import Lock
from typing import NamedTuple

import numpy as np

from schemas.arrays import U8
from schemas.records.flow_batch import HEARTBEAT_DTYPES, HeartbeatColumns
from schemas.records.validation import INSTANT_LIMIT_US

REPEATS_BYTES = 128 * 1024 * 1024
"""Of two million addresses, about. Beyond it, what came longest ago is read anew when it comes again."""

_INSTANT = HEARTBEAT_DTYPES["start_us"]
_WIDTHS = {"ip": 16, "workload": 4, "port": 2, "protocol": 1}
"""Bytes a row of a heartbeat's columns before its times, in the schema's order."""
_OTHERS_BYTES = 700
"""An estimate of what an entry takes besides bytes and columns."""
_LENGTHS = 4_096


class Repeated(NamedTuple):
    """`names`, `holdings`: as they came, the holdings with their number and without their times. The columns are read-only.

    `held`: without times.
    """

    names: bytes
    holdings: bytes
    workloads: tuple[str, ...]
    held: HeartbeatColumns

    @property
    def size(self) -> int:
        return len(self.names) + len(self.holdings) + 6 * len(self.held) + 8 * len(self.workloads) + _OTHERS_BYTES


class Repeats:
    """Of one reader of weir.flows. Safe for use by several threads."""

    def __init__(self, limit_bytes: int = REPEATS_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._lock = Lock()
        self._kept: dict[tuple[str, int], Repeated] = {}
        self._bytes = 0

    def find(self, node_id: str, batch_index: int) -> Repeated | None:
        with self._lock:
            found = self._kept.pop((node_id, batch_index), None)
            if found is not None:
                self._kept[node_id, batch_index] = found  # as the last to be dropped
            return found

    def keep(self, node_id: str, batch_index: int, said: Repeated) -> None:
        """Of a batch that has passed every check: what repeats it is not checked again."""
        with self._lock:
            before = self._kept.pop((node_id, batch_index), None)
            self._kept[node_id, batch_index] = said
            self._bytes += said.size - (before.size if before is not None else 0)
            while self._bytes > self._limit_bytes:
                self._bytes -= self._kept.pop(next(iter(self._kept))).size

    @property
    def fill(self) -> tuple[int, int]:
        """Bytes kept, and their limit."""
        return self._bytes, self._limit_bytes


def names_shared(names: Sequence[str]) -> tuple[str, ...]:
    """The same names, each of which is in memory once, whichever nodes have it."""
    return tuple(map(sys.intern, names))


def holdings_size(rows: int) -> int:
    """Bytes of heartbeats up to before their times."""
    return len(varint(rows)) + sum(len(varint(rows * width)) + rows * width for width in _WIDTHS.values())


def repeated_of(names: bytes, holdings: bytes, workloads: tuple[str, ...], beats: HeartbeatColumns) -> Repeated:
    """`beats`: what the bytes say. Columns that are on the wire as they are in memory are kept there alone."""
    rows = len(beats)
    first = len(varint(rows)) + len(varint(_WIDTHS["ip"] * rows))
    ip: U8 = np.ndarray((rows, _WIDTHS["ip"]), np.uint8, holdings, first)
    protocol: U8 = np.ndarray((rows,), np.uint8, holdings, len(holdings) - rows)
    workload, port = beats.workload.copy(), beats.port.copy()
    workload.flags.writeable = port.flags.writeable = False
    none = np.zeros(0, np.int64)
    return Repeated(names, holdings, workloads, HeartbeatColumns(ip, workload, port, protocol, none, none))


def repeated_beats(body: memoryview, at: int, said: Repeated) -> tuple[HeartbeatColumns, int] | None:
    """What was `said` for one span of time, which stands at `at`, and where it ends. None: the times are not alike, or make no sense."""
    held, rows = said.held, len(said.held)
    first, end, behind = _places(at, rows)
    start = bytes(body[first : first + 8 * rows : rows])
    until = bytes(body[end : end + 8 * rows : rows])
    if not int.from_bytes(start, "little") <= int.from_bytes(until, "little") < INSTANT_LIMIT_US or bytes(body[at:behind]) != _span(
        start, until, rows
    ):
        return None
    # One instant in all rows: an array without a stride.
    start_us, end_us = (np.ndarray((rows,), _INSTANT, instant, 0, (0,)) for instant in (start, until))
    return HeartbeatColumns(held.ip, held.workload, held.port, held.protocol, start_us, end_us), behind


def _places(at: int, rows: int) -> tuple[int, int, int]:
    """Where the columns of starts and of ends begin, and where the latter end."""
    length = len(varint(8 * rows))
    return at + length, at + 2 * length + 8 * rows, at + 2 * (length + 8 * rows)


def _span(start: bytes, until: bytes, rows: int) -> bytes:
    """Two columns of instants in planes, each of one value. Not remembered: agents look at instants of their own."""
    prefix = varint(8 * rows)
    return b"".join(prefix + b"".join(instant[byte : byte + 1] * rows for byte in range(8)) for instant in (start, until))


@lru_cache(_LENGTHS)
def varint(number: int) -> bytes:
    """Avro's encoding of a length."""
    left, found = number << 1, bytearray()
    while left > 0x7F:
        found.append(left & 0x7F | 0x80)
        left >>= 7
    return bytes((*found, left))
