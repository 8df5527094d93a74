"""What a worker learned, as messages for the other workers: put together by columns, because every heartbeat ends in one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.addresses import format_address, split_addresses
from schemas.records.validation import check_instants
from schemas.wire.avro_columns import encode_integers, encode_long, encode_text, encode_texts, join_rows
from streams.ownership.observations import SOURCES, Statements


class Told(NamedTuple):
    """One address, or one port of a shared one. `body`: an Ownership record in Avro, with all that is known."""

    key: bytes
    body: bytes


def tell(statements: Statements) -> list[Told]:
    """Compaction keeps the newest message of a key: a shared address's ports have keys, and messages, of their own."""
    if not len(statements):
        return []
    check_instants("start", statements.start_us, "end", statements.end_us)
    order, bounds = _by_address(statements)
    data, offsets = _ranges(statements, order)
    return list(_messages(statements, order[bounds[:-1]], bounds, data, offsets))


def _by_address(statements: Statements) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """An order that brings the rows of each address, or port, together; and where each begins in it, the end included."""
    words = np.ascontiguousarray(statements.ip).view(np.uint64).reshape(-1, 2)
    place = statements.network.astype(np.int64) << 24 | statements.protocol.astype(np.int64) << 16 | statements.port
    columns = (place, words[:, 0], words[:, 1])
    order = np.lexsort(columns)
    changes = np.any([column[order][1:] != column[order][:-1] for column in columns], axis=0)
    return order, np.concatenate(([0], np.flatnonzero(changes) + 1, [len(order)]))


def _ranges(statements: Statements, order: NDArray[np.intp]) -> tuple[bytes, NDArray[np.int64]]:
    columns = [
        encode_texts(statements.names, statements.workload[order]),
        encode_integers(statements.port, statements.protocol, statements.start_us, statements.end_us).take(order),
        encode_texts(SOURCES, statements.seen[order]),
        encode_texts(statements.names, statements.node[order]),
    ]
    return join_rows(columns, len(statements))


def _messages(
    statements: Statements, firsts: NDArray[np.intp], bounds: NDArray[np.intp], data: bytes, offsets: NDArray[np.int64]
) -> Iterator[Told]:
    """`firsts`: a row of each address."""
    networks = {number: statements.names[number] for number in np.unique(statements.network[firsts]).tolist()}
    heads = {number: encode_text(text) for number, text in networks.items()}
    lengths = [encode_long(count) for count in range(int(np.diff(bounds).max()) + 1)]
    columns = [column[firsts].tolist() for column in (statements.network, statements.protocol, statements.port)]
    cuts = zip(np.diff(bounds).tolist(), offsets[bounds[:-1]].tolist(), offsets[bounds[1:]].tolist(), strict=True)
    for ip, network, protocol, port, (count, begin, end) in zip(split_addresses(statements.ip[firsts]), *columns, cuts, strict=True):
        key = f"{networks[network]}/{format_address(ip)}" + (f"/{protocol}/{port}" if port else "")
        yield Told(key.encode(), heads[network] + ip + lengths[count] + data[begin:end] + b"\0")
