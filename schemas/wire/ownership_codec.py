"""What workers tell one another of many addresses at once, and of nodes, to Avro bodies and back. Columns pass as bytes.

Whatever is wrong with a body raises Unreadable with one sentence; what could not be read is refused on the way out too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.errors import Unreadable
from schemas.names import check_names
from schemas.records.node_place import NodePlace
from schemas.records.ownership_changes import (
    HELD,
    LEASE_DTYPES,
    LEFT,
    NO_SLICE,
    RANGE_DTYPES,
    SEEN,
    SLICE_DTYPES,
    WIDTHS,
    OwnershipChanges,
    OwnershipLeases,
    RangeColumns,
    SliceColumns,
)
from schemas.records.validation import check_instants, check_node_place
from schemas.wire.codec import Body, decode_record, encode_record
from schemas.wire.schema_files import Schema


def encode_changes(changes: OwnershipChanges) -> bytes:
    """The Avro body. Raises Unreadable for what readers would refuse."""
    _check_changes(changes)
    record = {
        "names": changes.names,
        "slices": _bytes(changes.slices, SLICE_DTYPES, len(changes.slices)),
        "ranges": _bytes(changes.ranges, RANGE_DTYPES, len(changes.ranges)),
    }
    return encode_record("OwnershipChanges", record)


def decode_changes(body: Body, writer: Schema | None = None) -> OwnershipChanges:
    record = decode_record("OwnershipChanges", body, writer)
    changes = OwnershipChanges(
        tuple(record["names"]),
        SliceColumns(**_columns(record["slices"], SLICE_DTYPES)),
        RangeColumns(**_columns(record["ranges"], RANGE_DTYPES)),
    )
    _check_changes(changes)
    return changes


def encode_leases(leases: OwnershipLeases) -> bytes:
    _check_leases(leases)
    return encode_record("OwnershipLeases", {"names": leases.names, "leases": _bytes(leases, LEASE_DTYPES, len(leases))})


def decode_leases(body: Body, writer: Schema | None = None) -> OwnershipLeases:
    record = decode_record("OwnershipLeases", body, writer)
    leases = OwnershipLeases(tuple(record["names"]), **_columns(record["leases"], LEASE_DTYPES))
    _check_leases(leases)
    return leases


def encode_node_place(place: NodePlace) -> bytes:
    check_node_place(place)
    texts = {"node_id": place.node_id, "region": place.region, "zone": place.zone}
    return encode_record("NodePlace", {**texts, "since": place.since_us, "until": place.until_us})


def decode_node_place(body: Body, writer: Schema | None = None) -> NodePlace:
    record = decode_record("NodePlace", body, writer)
    place = NodePlace(record["node_id"], record["region"], record["zone"], record["since"], record["until"])
    check_node_place(place)
    return place


def _bytes(columns: Any, dtypes: Mapping[str, np.dtype[Any]], rows: int) -> dict[str, Any]:
    record: dict[str, Any] = {"rows": rows}
    for name, dtype in dtypes.items():
        column = getattr(columns, name)
        shape = (rows, WIDTHS[name]) if name in WIDTHS else (rows,)
        if column.shape != shape:
            raise Unreadable(f"Column {name} has the shape {column.shape} where {shape} is needed for {rows} rows.")
        record[name] = column.astype(dtype, casting="safe", copy=False).tobytes()
    return record


def _columns(record: Mapping[str, Any], dtypes: Mapping[str, np.dtype[Any]]) -> dict[str, NDArray[Any]]:
    rows, columns = record["rows"], {}
    for name, dtype in dtypes.items():
        data, width = record[name], dtype.itemsize * WIDTHS.get(name, 1)
        if rows < 0 or len(data) != rows * width:
            raise Unreadable(f"Column {name} has {len(data)} bytes where {rows} rows of {width} bytes need {rows * width}.")
        column = np.frombuffer(data, dtype)
        columns[name] = column.reshape(rows, WIDTHS[name]) if name in WIDTHS else column
    return columns


def _check_changes(changes: OwnershipChanges) -> None:
    slices, ranges = changes.slices, changes.ranges
    check_names("Node, network or workload name", changes.names)
    _check_indices(changes.names, slices, ("node", "network"))
    _check_indices(changes.names, ranges, ("node", "network", "workload"))
    check_instants("since_us", slices.since_us, "until_us", slices.until_us)
    check_instants("after_since_us", slices.after_since_us, "after_until_us", slices.after_until_us)
    check_instants("start_us", ranges.start_us, "end_us", ranges.end_us)
    of_slice = (ranges.kind == HELD) | (ranges.kind == LEFT)
    wrong = np.where(of_slice, ranges.of >= len(slices), ranges.of != NO_SLICE) | (ranges.kind > SEEN)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise Unreadable(f"Range {row} is of kind {ranges.kind[row]} and of slice {ranges.of[row]}, and there are {len(slices)} slices.")


def _check_leases(leases: OwnershipLeases) -> None:
    check_names("Node or network name", leases.names)
    _check_indices(leases.names, leases, ("node", "network"))
    check_instants("since_us", leases.since_us, "until_us", leases.until_us)


def _check_indices(names: tuple[str, ...], columns: SliceColumns | RangeColumns | OwnershipLeases, which: tuple[str, ...]) -> None:
    for name in which:
        column = getattr(columns, name)
        if len(column) and int(column.max()) >= len(names):
            raise Unreadable(f"{name} of row {int(column.argmax())} is {column.max()}, and there are {len(names)} names.")
