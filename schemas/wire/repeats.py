"""What a node says again in each window, word for word, is read once: a batch's names, and which workload held which address.

It is kept by node and slice with its very bytes. A batch that brings the same bytes has the same names and columns, as the same objects:
who compares it with the last one has to look at nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.records.flow_batch import HEARTBEAT_DTYPES, HeartbeatColumns
from schemas.records.validation import INSTANT_LIMIT_US
from schemas.wire.avro_lengths import varint

REPEATS_BYTES = 128 * 1024 * 1024
"""Of two million addresses, about. Beyond it, what came longest ago is read anew when it comes again."""

_INSTANT = HEARTBEAT_DTYPES["start_us"]
_WIDTHS = {"ip": 16, "workload": 4, "port": 2, "protocol": 1}
"""Bytes a row of a heartbeat's columns before its times, in the schema's order."""
_OTHERS_BYTES = 700
"""An estimate of what an entry takes besides bytes and columns."""


@dataclass(frozen=True, eq=False)
class Repeated:
    """`names`, `holdings`: as they came, the holdings with their number and without their times. `rows`: of the holdings."""

    names: bytes
    holdings: bytes
    workloads: tuple[str, ...]
    rows: int

    @cached_property
    def held(self) -> HeartbeatColumns:
        """The holdings, read-only and without times. Made when they are first repeated: those that change in each window are not made."""
        at = len(varint(self.rows))
        columns: dict[str, NDArray[Any]] = {}
        for name, width in _WIDTHS.items():
            at += len(varint(width * self.rows))
            columns[name] = _column(HEARTBEAT_DTYPES[name], self.rows, self.holdings, at, width)
            at += width * self.rows
        none = np.zeros(0, _INSTANT)
        return HeartbeatColumns(**columns, start_us=none, end_us=none)

    @property
    def size(self) -> int:
        """In memory, `held` included."""
        return len(self.names) + len(self.holdings) + 6 * self.rows + 8 * len(self.workloads) + _OTHERS_BYTES


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


def holdings_size(rows: int) -> int:
    """Bytes of heartbeats up to before their times."""
    return len(varint(rows)) + sum(len(varint(rows * width)) + rows * width for width in _WIDTHS.values())


def repeated_beats(body: memoryview, at: int, said: Repeated) -> tuple[HeartbeatColumns, int] | None:
    """What was `said` for one span of time, which stands at `at`, and where it ends. None: the times are not alike, or make no sense."""
    held, rows = said.held, said.rows
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


def _column(dtype: np.dtype[Any], rows: int, holdings: bytes, at: int, width: int) -> NDArray[Any]:
    """One that is on the wire as it is in memory is a part of `holdings`."""
    if dtype.itemsize == 1:
        return np.ndarray((rows, width) if width > 1 else (rows,), dtype, holdings, at)
    column = np.ndarray((rows, width), np.uint8, holdings, at, (1, rows)).copy().view(dtype).reshape(rows)
    column.flags.writeable = False
    return column


def _places(at: int, rows: int) -> tuple[int, int, int]:
    """Where the columns of starts and of ends begin, and where the latter end."""
    length = len(varint(8 * rows))
    return at + length, at + 2 * length + 8 * rows, at + 2 * (length + 8 * rows)


def _span(start: bytes, until: bytes, rows: int) -> bytes:
    """Two columns of instants in planes, each of one value. Not remembered: agents look at instants of their own."""
    prefix = varint(8 * rows)
    return b"".join(prefix + b"".join(instant[byte : byte + 1] * rows for byte in range(8)) for instant in (start, until))
