"""The columns of a FlowBatch read with a few numpy calls for all of them, where the body is laid out as encode_batch lays it out.

fastavro reads the head, up to the workloads, from the body's first bytes, and the tail behind the columns. In between, the number of rows
says where every column begins and ends. Their bytes are put in order together, into one array that all columns are parts of: column after
column, the widest first, so that each is aligned.

A body that differs in any way gives None: it is fastavro's to read as a whole, or to refuse.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache, lru_cache
from io import BytesIO
from itertools import accumulate, groupby
from typing import Any, NamedTuple

import numpy as np
from fastavro import parse_schema, schemaless_reader
from numpy.typing import NDArray

from schemas.arrays import U8
from schemas.errors import Unreadable
from schemas.records.flow_batch import HEARTBEAT_DTYPES, FlowColumns, HeartbeatColumns
from schemas.records.validation import ADDRESS_COLUMNS
from schemas.wire.avro_lengths import read_length, varint
from schemas.wire.changed_names import ChangedNames, changed_names
from schemas.wire.column_bytes import FIRST_DTYPES, more_columns
from schemas.wire.repeats import Repeated, Repeats, holdings_size, repeated_beats
from schemas.wire.schema_files import current

_HEAD_BYTES = 2 * 1024
_NAMES_BYTES = 32 * 1024
"""A longer head, or names of more bytes, some thousand, are not looked for."""
_FEW_ROWS = 64
"""Up to here bytes are put in order by an index, made once for each number of rows: 3 MB for all of them."""
_FEW_VALUES = 1_024
"""Up to here planes are put together in one copy of many short runs, beyond in a copy a plane."""
_SECTIONS = 1_024
"""For so many numbers of rows it is remembered where everything is, in 4 KB each."""
_ADDRESS_BYTES = 16
_TAILS, _SHORT_TAIL = 4_096, 200
"""So many of so many bytes at most are remembered."""
_NO_SAMPLES = {"buckets": b"", "bucket": b"", "samples": b""}
_NO_MORE = {"connections_refused": b"", "connections_timed_out": b"", "remote_domain": b"", "rtt": _NO_SAMPLES, "connect": _NO_SAMPLES}
_DIFFERENT = (Unreadable, EOFError, ValueError, TypeError, IndexError, OverflowError, MemoryError)


class _Run(NamedTuple):
    """Neighbours of one width. `shape`: columns, rows, bytes. `begin`, `strides`: of that on the wire. `place`: where it goes."""

    shape: tuple[int, int, int]
    begin: int
    strides: tuple[int, int, int]
    place: int
    by_plane: bool


class _Part(NamedTuple):
    """Columns of one type as they are in order."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    place: int


class _Section(NamedTuple):
    """Columns of so many rows: `size` bytes on the wire, where a length is before each; `ordered_size` without.

    `lengths`: where the lengths' bytes are. `said`: what they are.
    """

    size: int
    ordered_size: int
    runs: tuple[_Run, ...]
    parts: tuple[_Part, ...]
    lengths: NDArray[np.intp]
    said: bytes

    def in_order(self, wire: U8) -> U8:
        found = np.empty(self.ordered_size, np.uint8)
        for shape, begin, strides, place, by_plane in self.runs:
            source, target = np.ndarray(shape, np.uint8, wire, begin, strides), np.ndarray(shape, np.uint8, found, place)
            if by_plane:
                for plane in range(shape[2]):
                    target[:, :, plane] = source[:, :, plane]
            else:
                target[...] = source
        return found

    def positions(self) -> NDArray[np.intp]:
        """For each byte in order, where it is on the wire. Of few rows: below 65,536."""
        wire = np.arange(self.size)
        low, high = (self.in_order((wire >> shift).astype(np.uint8)).astype(np.intp) for shift in (0, 8))
        return low | high << 8


class _Column(NamedTuple):
    name: str
    dtype: np.dtype[Any]
    width: int  # bytes a row


class _ColumnReader:
    """Reads columns of one record, by name. For threads at once: what it remembers does not change."""

    def __init__(self, record: str, dtypes: dict[str, np.dtype[Any]]) -> None:
        columns = _on_the_wire(record, dtypes)
        self._names = [column.name for column in _widest_first(columns)]
        self._section = lru_cache(_SECTIONS)(lambda rows: _section(columns, rows))
        self._positions = cache(lambda rows: self._section(rows).positions())
        self._none = bytes(1 + len(columns))  # no rows, and columns without bytes
        self._nothing = self._columns(self._section(0), np.empty(0, np.uint8))

    def read(self, body: memoryview, at: int) -> tuple[int, dict[str, Any], int]:
        """The number of rows, the columns, and where they end. Raises what is in _DIFFERENT."""
        if body[at : at + len(self._none)].tobytes() == self._none:
            return 0, self._nothing, at + len(self._none)
        rows, at = read_length(body, at)
        section = self._section(rows)
        wire = np.frombuffer(body, np.uint8, section.size, at)
        if wire.take(section.lengths).tobytes() != section.said:
            raise ValueError
        found = wire.take(self._positions(rows)) if rows <= _FEW_ROWS else section.in_order(wire)
        return rows, self._columns(section, found), at + section.size

    def _columns(self, section: _Section, found: U8) -> dict[str, Any]:
        found.flags.writeable = False
        columns: list[NDArray[Any]] = []
        for shape, dtype, place in section.parts:
            columns.extend(np.ndarray(shape, dtype, found, place))
        return dict(zip(self._names, columns, strict=True))


class BatchRecord(NamedTuple):
    """The fields of a body, flows and heartbeats as columns, which are read-only.

    `new_names`: those of its names that this slice has not brought before. `repeated`: its names and holdings are what was said before.
    Otherwise `to_repeat` is what another batch may repeat, where there is any.
    """

    fields: dict[str, Any]
    new_names: tuple[str, ...]
    repeated: bool
    to_repeat: Repeated | None


def read_record(body: memoryview, repeats: Repeats | None = None) -> BatchRecord | None:
    """None: it is not laid out as expected."""
    head = _schemas()[0]
    flows = _readers()[0]
    begun = BytesIO(body[:_HEAD_BYTES])
    try:
        record: Any = schemaless_reader(begun, head, None)
        named = begun.tell()
        said = repeats.find(record["node_id"], record["batch_index"]) if repeats is not None else None
        same_names = said is not None and body[named : named + len(said.names)].tobytes() == said.names
        if said is not None and same_names:
            names = ChangedNames(said.workloads, (), len(said.names))
        else:
            names = _names(body[named : named + _NAMES_BYTES], said, repeats is not None)
        record["workloads"], unnamed = names.names, named + names.size
        rows, columns, held = flows.read(body, unnamed)
        repeated = _repeated(body, held, said) if same_names else None
        record["heartbeats"], at = repeated or _heartbeats(body, held)
        behind = body[at:].tobytes()
        record |= _tail(behind) if len(behind) <= _SHORT_TAIL else _read_tail(behind)
        more = _no_more(rows) if record["more"] == _NO_MORE else more_columns(record["more"], rows)
        record["flows"] = FlowColumns(**columns, **more)
    except _DIFFERENT:
        return None
    fresh = repeats is not None and repeated is None and len(record["heartbeats"]) > 0
    to_repeat = _to_repeat(body, slice(named, unnamed), held, record) if fresh else None
    return BatchRecord(record, names.new, repeated is not None, to_repeat)


def _names(listed: memoryview, said: Repeated | None, shared: bool) -> ChangedNames:
    """`shared`: each is in memory once, whichever nodes have it. Raises what is in _DIFFERENT."""
    changed = changed_names(listed.tobytes(), said.names, said.workloads) if said is not None else None
    if changed is not None:
        return changed
    begun = BytesIO(listed)
    names: Any = schemaless_reader(begun, _schemas()[1], None)
    every = tuple(map(sys.intern, names)) if shared else tuple(names)
    return ChangedNames(every, every, begun.tell())


def _repeated(body: memoryview, at: int, said: Repeated | None) -> tuple[HeartbeatColumns, int] | None:
    if said is None or body[at : at + len(said.holdings)].tobytes() != said.holdings:
        return None
    return repeated_beats(body, at + len(said.holdings), said)


def _to_repeat(body: memoryview, names: slice, held: int, record: dict[str, Any]) -> Repeated:
    rows = len(record["heartbeats"])
    return Repeated(body[names].tobytes(), body[held : held + holdings_size(rows)].tobytes(), record["workloads"], rows)


def _heartbeats(body: memoryview, at: int) -> tuple[HeartbeatColumns, int]:
    _, columns, end = _readers()[1].read(body, at)
    return HeartbeatColumns(**columns), end


def _read_tail(behind: bytes) -> dict[str, Any]:
    """The fields behind the columns. Raises what is in _DIFFERENT."""
    source = BytesIO(behind)
    fields: Any = schemaless_reader(source, _schemas()[2], None)
    if source.tell() != len(behind):
        raise ValueError
    return dict(fields)


_tail = lru_cache(_TAILS)(_read_tail)
"""Zone and versions of a node are the same in every message; where it has nothing more, they are all there is."""


@lru_cache(_SECTIONS)
def _no_more(rows: int) -> dict[str, Any]:
    return more_columns(_NO_MORE, rows)


@cache
def _readers() -> tuple[_ColumnReader, _ColumnReader]:
    return _ColumnReader("FlowColumns", FIRST_DTYPES), _ColumnReader("HeartbeatColumns", HEARTBEAT_DTYPES)


@cache
def _schemas() -> tuple[Any, Any, Any]:
    """Of the fields before the names, of the names, and of the fields behind the columns."""
    fields = current("FlowBatch").parsed["fields"]
    at = [field["name"] for field in fields].index("flows")
    parts = {"Head": fields[: at - 1], "Tail": fields[at + 2 :]}
    head, tail = (parse_schema({"type": "record", "name": name, "fields": some}) for name, some in parts.items())
    return head, parse_schema(fields[at - 1]["type"]), tail


def _on_the_wire(record: str, dtypes: dict[str, np.dtype[Any]]) -> list[_Column]:
    """The columns in the schema's order."""
    fields = current("FlowBatch").parsed["__named_schemas"][f"weir.{record}"]["fields"]
    names = [field["name"] for field in fields if field["name"] != "rows"]
    return [_Column(name, dtypes[name], _ADDRESS_BYTES if name in ADDRESS_COLUMNS else dtypes[name].itemsize) for name in names]


def _section(columns: list[_Column], rows: int) -> _Section:
    in_order = _widest_first(columns)
    ends = [rows * end for end in accumulate(column.width for column in in_order)]
    places = {column.name: end - rows * column.width for column, end in zip(in_order, ends, strict=True)}
    runs: list[_Run] = []
    lengths: list[int] = []
    said, at = b"", 0
    for run in _neighbours(columns, lambda column: column.width):
        count, width, prefix = len(run), run[0].width, varint(rows * run[0].width)
        each, planes = len(prefix) + rows * width, width < _ADDRESS_BYTES
        strides = (each, 1, rows) if planes else (each, width, 1)
        by_plane = planes and count * rows > _FEW_VALUES
        runs.append(_Run((count, rows, width), at + len(prefix), strides, places[run[0].name], by_plane))
        lengths += [at + number * each + byte for number in range(count) for byte in range(len(prefix))]
        said += prefix * count
        at += each * count
    parts = [_part(part, rows, places[part[0].name]) for part in _neighbours(in_order, lambda column: (column.width, column.dtype))]
    return _Section(at, ends[-1], tuple(runs), tuple(parts), np.array(lengths, np.intp), said)


def _widest_first(columns: list[_Column]) -> list[_Column]:
    return sorted(columns, key=lambda column: -column.width)


def _neighbours(columns: list[_Column], alike: Callable[[_Column], Any]) -> list[list[_Column]]:
    return [[*some] for _, some in groupby(columns, alike)]


def _part(columns: list[_Column], rows: int, place: int) -> _Part:
    row = (_ADDRESS_BYTES,) if columns[0].width == _ADDRESS_BYTES else ()
    return _Part((len(columns), rows, *row), columns[0].dtype, place)
