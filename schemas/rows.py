"""The worker's flows table to messages of weir.attributed: one for each window, region and partition of the topic.

A pair of workloads, client first, always goes to the same partition; many pairs share a message, because a message
costs as much as some hundred rows.

The rows are encoded column by column (avro_columns.py); Python touches messages, never flows.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.addresses import format_address
from schemas.avro_columns import Padded, encode_booleans, encode_integers, encode_long, encode_text, encode_texts, join_rows
from schemas.columns import I64
from schemas.framing import Framer
from schemas.tables import FLOWS

MESSAGE_BYTES = 512 * 1024
"""A message is cut before its rows grow beyond this, uncompressed: Kafka's default limit is 1 MiB."""


class Attributed(NamedTuple):
    """`key`: the pair of the first row: the client's workload, "|", the server's, in UTF-8. `partition_of` puts every pair of
    the message into `partition`.
    """

    key: bytes
    value: bytes
    partition: int


def partition_of(key: bytes, partitions: int) -> int:
    """Where flows of a pair are, the same for every writer."""
    return zlib.crc32(key) % partitions


class _Group(NamedTuple):
    first: int  # rows first to last - 1 of the sorted table
    last: int


class _Names(NamedTuple):
    """A column of names: row i is texts[codes[i]]."""

    texts: list[str]
    codes: NDArray[Any]


def attributed_messages(
    flows: pa.Table, framer: Framer | None = None, *, partitions: int = 1, message_bytes: int = MESSAGE_BYTES
) -> Iterator[Attributed]:
    """Messages that hold every row of `flows` (columns and types of tables.FLOWS, no nulls) once, for a topic of so many partitions.

    Rows of one window, region and pair keep their order. The same table gives the same messages in the same order.
    Raises ValueError for a table that is none of that.
    """
    if not flows.schema.equals(FLOWS):
        raise ValueError(f"not a table of flows: {flows.schema.names}")
    if any(column.null_count for column in flows.columns):
        raise ValueError("a table of flows holds no nulls")
    if not flows.num_rows:
        return
    order, groups = _grouped(flows, partitions)
    data, offsets = join_rows([_encoded(flows, name, order) for name in FLOWS.names], flows.num_rows)
    framer = framer or Framer()
    cuts = [cut for group in groups for cut in _cuts(group, offsets, message_bytes)]
    for (first, last), (key, head) in zip(cuts, _keys_and_heads(flows, order[[first for first, _ in cuts]]), strict=True):
        block = data[offsets[first] : offsets[last]]
        value = framer.frame("AttributedFlows", head + encode_long(last - first) + block + b"\0")
        yield Attributed(key, value, partition_of(key, partitions))


def _grouped(flows: pa.Table, partitions: int) -> tuple[NDArray[np.intp], list[_Group]]:
    """An order of the rows that brings groups together, pairs within them, and the groups."""
    local, remote = _names(flows, "local_workload"), _names(flows, "remote_workload")
    role = _names(flows, "role")
    is_server = np.array([text == "server" for text in role.texts], np.bool_)[role.codes]
    # One numbering of the names of both columns, by their order: codes alone depend on how the table came to be.
    texts = sorted({*local.texts, *remote.texts})
    rank = {name: number for number, name in enumerate(texts)}
    local_rank, remote_rank = _ranked(local, rank), _ranked(remote, rank)
    client, server = np.where(is_server, remote_rank, local_rank), np.where(is_server, local_rank, remote_rank)
    region = _names(flows, "region")
    group = (
        _partitions(client, server, texts, partitions),
        _ranked(region, {name: number for number, name in enumerate(sorted(set(region.texts)))}),
        _numpy(flows, "window_seconds").astype(np.int64),
        _numpy(flows, "window_start"),
    )
    order = np.lexsort((server, client, *group))
    changes = np.any([np.diff(column[order]) != 0 for column in group], axis=0)
    edges = [0, *(np.flatnonzero(changes) + 1).tolist(), len(order)]
    return order, [_Group(first, last) for first, last in zip(edges, edges[1:], strict=False)]


def _partitions(client: I64, server: I64, texts: list[str], partitions: int) -> I64:
    """The partition of every row's pair; the hash is taken once a distinct pair."""
    pairs, pair_of = np.unique(client * len(texts) + server, return_inverse=True)
    numbers = [partition_of(_key(texts[pair // len(texts)], texts[pair % len(texts)]), partitions) for pair in pairs.tolist()]
    found: I64 = np.array(numbers, np.int64)[pair_of]
    return found


def _key(client: str, server: str) -> bytes:
    return f"{client}|{server}".encode()


def _ranked(names: _Names, rank: dict[str, int]) -> I64:
    ranks: I64 = np.array([rank[text] for text in names.texts], np.int64)[names.codes]
    return ranks


def _keys_and_heads(flows: pa.Table, rows: NDArray[np.intp]) -> Iterator[tuple[bytes, bytes]]:
    """The key and the encoded fields before the rows, for each of the messages that begin with one of `rows`."""
    some = flows.select(["window_start", "window_seconds", "region", "role", "local_workload", "remote_workload"]).take(rows)
    starts, seconds = _numpy(some, "window_start").tolist(), _numpy(some, "window_seconds").tolist()
    names = (some[name].to_pylist() for name in ("region", "role", "local_workload", "remote_workload"))
    for start, length, region, role, local, remote in zip(starts, seconds, *names, strict=True):
        client, server = (remote, local) if role == "server" else (local, remote)
        yield _key(client, server), encode_long(start) + encode_long(length) + encode_text(region)


def _cuts(group: _Group, offsets: I64, message_bytes: int) -> Iterator[tuple[int, int]]:
    first = group.first
    while first < group.last:
        fitting = int(np.searchsorted(offsets, offsets[first] + message_bytes, "right")) - 1
        last = min(group.last, max(first + 1, fitting))
        yield first, last
        first = last


def _encoded(flows: pa.Table, name: str, order: NDArray[np.intp]) -> Padded:
    kind = FLOWS.field(name).type
    if pa.types.is_dictionary(kind):
        names = _names(flows, name)
        return encode_texts(names.texts, names.codes[order])
    if pa.types.is_fixed_size_binary(kind):
        distinct = pc.dictionary_encode(flows[name].combine_chunks())
        texts = [format_address(address) for address in distinct.dictionary.to_pylist()]
        return encode_texts(texts, distinct.indices.to_numpy(zero_copy_only=False)[order])
    values = _numpy(flows, name)[order]
    return encode_booleans(values) if pa.types.is_boolean(kind) else encode_integers(values)


def _names(flows: pa.Table, name: str) -> _Names:
    column = flows[name].unify_dictionaries().combine_chunks()
    return _Names(column.dictionary.to_pylist(), column.indices.to_numpy(zero_copy_only=False))


def _numpy(flows: pa.Table, name: str) -> NDArray[Any]:
    """A column of numbers or booleans; instants as int64 microseconds."""
    column = flows[name]
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    values: NDArray[Any] = column.to_numpy()
    return values
