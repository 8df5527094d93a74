"""What a worker learned, as messages for the other workers: put together by columns, because every heartbeat ends in one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.addresses import format_address, split_addresses
from schemas.records.validation import check_instants
from schemas.wire.avro_columns import encode_integers, encode_long, encode_text, encode_texts, join_rows
from streams.ownership.observations import SOURCES, Observations


class ChangelogRecord(NamedTuple):
    """One address, or one port of a shared one. `body`: an Ownership record in Avro, with all that is known."""

    key: bytes
    body: bytes


def encode_changelog(observations: Observations) -> list[ChangelogRecord]:
    """Compaction keeps the newest message of a key: a shared address's ports have keys, and messages, of their own."""
    if not len(observations):
        return []
    check_instants("start", observations.start_us, "end", observations.end_us)
    order, bounds = _by_address(observations)
    data, offsets = _ranges(observations, order)
    return list(_messages(observations, order[bounds[:-1]], bounds, data, offsets))


def _by_address(observations: Observations) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """An order that brings the rows of each address, or port, together; and where each begins in it, the end included."""
    words = np.ascontiguousarray(observations.ip).view(np.uint64).reshape(-1, 2)
    place = observations.network.astype(np.int64) << 24 | observations.protocol.astype(np.int64) << 16 | observations.port
    columns = (place, words[:, 0], words[:, 1])
    order = np.lexsort(columns)
    changes = np.any([column[order][1:] != column[order][:-1] for column in columns], axis=0)
    return order, np.concatenate(([0], np.flatnonzero(changes) + 1, [len(order)]))


def _ranges(observations: Observations, order: NDArray[np.intp]) -> tuple[bytes, NDArray[np.int64]]:
    columns = [
        encode_texts(observations.names, observations.workload[order]),
        encode_integers(observations.port, observations.protocol, observations.start_us, observations.end_us).take(order),
        encode_texts(SOURCES, observations.by_flow[order]),
        encode_texts(observations.names, observations.node[order]),
    ]
    return join_rows(columns, len(observations))


def _messages(
    observations: Observations, firsts: NDArray[np.intp], bounds: NDArray[np.intp], data: bytes, offsets: NDArray[np.int64]
) -> Iterator[ChangelogRecord]:
    """`firsts`: a row of each address."""
    networks = {number: observations.names[number] for number in np.unique(observations.network[firsts]).tolist()}
    heads = {number: encode_text(text) for number, text in networks.items()}
    lengths = [encode_long(count) for count in range(int(np.diff(bounds).max()) + 1)]
    columns = [column[firsts].tolist() for column in (observations.network, observations.protocol, observations.port)]
    cuts = zip(np.diff(bounds).tolist(), offsets[bounds[:-1]].tolist(), offsets[bounds[1:]].tolist(), strict=True)
    for ip, network, protocol, port, (count, begin, end) in zip(split_addresses(observations.ip[firsts]), *columns, cuts, strict=True):
        key = f"{networks[network]}/{format_address(ip)}" + (f"/{protocol}/{port}" if port else "")
        yield ChangelogRecord(key.encode(), heads[network] + ip + lengths[count] + data[begin:end] + b"\0")
