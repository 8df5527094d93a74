"""The worker's flows table to messages of weir.attributed: some hundred rows of one window, region and partition each.

Who a remote end is may be known better when a block is built again after a crash, so that nothing of this may depend on it: a
flow is in the same partition and in the same message, by number, however its remote end is named. A consumer that has seen a
message of a block by its number has seen its flows, and drops the repeat as a whole. So the partition is that of the two
addresses, whichever of them is local, and messages are cut by what a row's remote name might take, not by what it takes.

The rows are encoded column by column (avro_columns.py); Python touches messages, never flows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.arrays import I64, U8, U64
from schemas.arrow import Coded, address_rows, coded, dictionary, lists, numbers
from schemas.names import NAME_BYTES
from schemas.records.flow_batch import COUNTERS
from schemas.records.tables import FLOWS
from schemas.wire.avro_addresses import encode_addresses, encode_few_addresses
from schemas.wire.avro_columns import (
    Encoded,
    encode_booleans,
    encode_few,
    encode_integers,
    encode_lists,
    encode_long,
    encode_runs,
    encode_text,
    encode_texts,
    fused,
    join_rows,
)
from schemas.wire.framing import Framer

MESSAGE_BYTES = 900_000
"""A message is cut before its rows could grow beyond this, uncompressed: Kafka's default limit is 1 MiB."""
MESSAGE_FLOWS = 1_000
"""Rows of a message at most; fewer where names are long. Not by bytes alone: another version's columns cut in the same places."""
_ATTRIBUTED = ("remote_workload", "remote_source", "remote_reason", "canonical")
_ATTRIBUTED_BYTES = NAME_BYTES + 2 + 2 * 32 + 1
"""What the columns that attribution fills can take in a row."""
_PLACES = ("remote_zone", "remote_region", "remote_node_id", "remote_service", "remote_domain", "registrable_domain")
"""Depend on how the remote end is named, too. Messages are cut as if they took nothing: all are short, 1 MB at most in 1,000 rows."""
_TOGETHER = (
    ("region", "network", "node_id", "epoch", "protocol", "role", "local_ip"),
    ("service_port", "local_workload"),
    _ATTRIBUTED,
    ("partition", "first_offset", "topic", "local_zone"),
    _PLACES,
)
"""Neighbours with few different values: names, and numbers that are the message's, the same for many rows in a row."""
_NUMBERS = (("window_start", "window_seconds", "first_seen", "last_seen"), COUNTERS)
"""Neighbours that are nothing but numbers."""
_LISTS = ("rtt_histogram", "connect_histogram")


def _parts() -> tuple[tuple[str, ...], ...]:
    """All columns in their order, those of `_TOGETHER` together."""
    of = {name: names for names in (*_TOGETHER, *_NUMBERS, _LISTS) for name in names}
    return tuple(dict.fromkeys(of.get(name, (name,)) for name in FLOWS.names))


_PARTS = _parts()


class Attributed(NamedTuple):
    """`key`: the pair of the first row: the client's workload, "|", the server's, in UTF-8."""

    key: bytes
    value: bytes
    partition: int


def partitions_of(local: U8, remote: U8, partitions: int) -> I64:
    """Where flows between two addresses (n rows of 16 bytes each) are, the same for every writer and from either end."""
    together = _mixed(local) + _mixed(remote)
    together ^= together >> np.uint64(32)
    return (together % np.uint64(partitions)).astype(np.int64)


def _mixed(addresses: U8) -> U64:
    """A hash of 64 bits; products and sums wrap."""
    halves = np.ascontiguousarray(addresses).view("<u8").reshape(-1, 2).astype(np.uint64)
    mixed: U64 = halves[:, 0] * np.uint64(0x9E3779B97F4A7C15) ^ halves[:, 1]
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        mixed = (mixed ^ (mixed >> np.uint64(33))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(33))


class _Group(NamedTuple):
    first: int  # rows first to last - 1 of the sorted table
    last: int
    partition: int


def attributed_messages(
    flows: pa.Table, framer: Framer | None = None, *, partitions: int = 1, message_bytes: int = MESSAGE_BYTES
) -> Iterator[Attributed]:
    """Messages that hold every row of `flows` (columns and types of tables.FLOWS, no nulls) once, for a topic of so many partitions.

    Rows of one message keep their order. The same flows, however their remote ends are named, are in the same messages.
    Raises ValueError for a table that is none of that.
    """
    if not flows.schema.equals(FLOWS):
        raise ValueError(f"not a table of flows: {flows.schema.names}")
    if any(column.null_count for column in flows.columns):
        raise ValueError("a table of flows holds no nulls")
    if not flows.num_rows:
        return
    order, groups = _grouped(flows, partitions)
    columns = {names: _encoded(flows, names, order) for names in _PARTS}
    data, offsets = join_rows([column for part in columns.values() for column in part], flows.num_rows)
    weights = _weights(offsets, [*columns[_ATTRIBUTED], *columns[_PLACES]], message_bytes)
    begin = (framer or Framer()).frame("AttributedFlows", b"")
    cuts = [cut for group in groups for cut in _cuts(group, weights, message_bytes)]
    view = memoryview(data)
    for cut, (key, head) in zip(cuts, _keys_and_heads(flows, order[[cut.first for cut in cuts]]), strict=True):
        rows = view[offsets[cut.first] : offsets[cut.last]]
        yield Attributed(key, b"".join((begin, head, encode_long(cut.last - cut.first), rows, b"\0")), cut.partition)


def _grouped(flows: pa.Table, partitions: int) -> tuple[NDArray[np.intp], list[_Group]]:
    """An order of the rows that brings groups together (by window, region, partition), and the groups."""
    partition = partitions_of(address_rows(flows["local_ip"]), address_rows(flows["remote_ip"]), partitions)
    group = _windows(flows) * partitions + partition
    order = np.argsort(group.astype(np.min_scalar_type(int(group.max()))), kind="stable")  # numbers of two bytes are sorted fastest
    edges = [0, *(np.flatnonzero(np.diff(group[order])) + 1).tolist(), len(order)]
    spans = zip(edges, edges[1:], strict=False)
    return order, [_Group(first, last, int(partition[order[first]])) for first, last in spans]


def _windows(flows: pa.Table) -> I64:
    """A small number for each row, rising with window and region. Most rows have those of the row before."""
    region = coded(flows["region"])
    rank = _ranked(region, {name: number for number, name in enumerate(sorted(set(region.texts)))})
    columns = (numbers(flows["window_start"]), numbers(flows["window_seconds"]).astype(np.int64), rank)
    begins = np.flatnonzero(np.append(True, np.any([column[1:] != column[:-1] for column in columns], axis=0)))
    code = np.unique(np.stack([column[begins] for column in columns]), axis=1, return_inverse=True)[1].reshape(-1)
    windows: I64 = np.repeat(code, np.diff(np.append(begins, flows.num_rows)))
    return windows


def _weights(offsets: I64, attributed: Sequence[Encoded], message_bytes: int) -> I64:
    """n + 1 running sums of what each row may take: at least a thousandth of a message. `attributed`: columns that attribution fills."""
    lengths = np.diff(offsets) + _ATTRIBUTED_BYTES
    for column in attributed:
        lengths -= column.row_lengths()
    return np.concatenate(([0], np.cumsum(np.maximum(lengths, message_bytes // MESSAGE_FLOWS))))


def _key(client: str, server: str) -> bytes:
    return f"{client}|{server}".encode()


def _ranked(names: Coded, rank: dict[str, int]) -> I64:
    ranks: I64 = np.array([rank[text] for text in names.texts], np.int64)[names.codes]
    return ranks


def _keys_and_heads(flows: pa.Table, rows: NDArray[np.intp]) -> Iterator[tuple[bytes, bytes]]:
    """The key and the encoded fields before the rows, for each message, of whose first rows `rows` are."""
    some = flows.select(["window_start", "window_seconds", "region", "role", "local_workload", "remote_workload"]).take(rows)
    starts, seconds = numbers(some["window_start"]).tolist(), numbers(some["window_seconds"]).tolist()
    names = (some[name].to_pylist() for name in ("region", "role", "local_workload", "remote_workload"))
    for start, length, region, role, local, remote in zip(starts, seconds, *names, strict=True):
        client, server = (remote, local) if role == "server" else (local, remote)
        yield _key(client, server), encode_long(start) + encode_long(length) + encode_text(region)


def _cuts(group: _Group, weights: I64, message_bytes: int) -> Iterator[_Group]:
    first = group.first
    while first < group.last:
        fitting = int(np.searchsorted(weights, weights[first] + message_bytes, "right")) - 1
        last = min(group.last, max(first + 1, fitting))
        yield _Group(first, last, group.partition)
        first = last


def _encoded(flows: pa.Table, names: tuple[str, ...], order: NDArray[np.intp]) -> list[Encoded]:
    """Neighbouring columns, in as few as they can be."""
    if names in _TOGETHER:
        parts = fused([_coded(flows, name) for name in names], flows.num_rows)
    elif pa.types.is_fixed_size_binary(FLOWS.field(names[0]).type):
        parts = encode_addresses(address_rows(flows[names[0]]))
    elif names == _LISTS:
        parts = [encode_lists(*(lists(flows[name]) for name in names))]
    else:
        parts = [encode_integers(*(numbers(flows[name]) for name in names))]
    return [part.take(order) for part in parts]


def _coded(flows: pa.Table, name: str) -> Encoded:
    kind = FLOWS.field(name).type
    if pa.types.is_fixed_size_binary(kind):
        return encode_few_addresses(address_rows(flows[name]))
    if pa.types.is_dictionary(kind):
        return encode_texts(*dictionary(flows[name]))
    values = numbers(flows[name])
    if pa.types.is_boolean(kind):
        return encode_booleans(values)
    return encode_few(values) if kind == pa.uint16() else encode_runs(values)
