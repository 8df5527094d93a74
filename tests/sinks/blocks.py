"""Blocks made up for tests: deterministic by seed, with every kind of value that a column may hold."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from schemas.records.histogram import BUCKETS
from schemas.records.tables import BATCHES, FLOWS, IP_EVENTS, LOSSES, NODES, OWNERSHIP, RESTS, SAMPLES, Block, BlockIdentity

SECOND = 1_000_000
NINE = 1_767_258_000 * SECOND  # 2026-01-01 09:00:00 UTC
NAMES = ("", "checkout", "postgres", "node/n1", "Robert'); DROP TABLE flows;--", "back\\slash", "ünï")


@dataclass(frozen=True)
class Shape:
    """How many flows, spread over how many windows of how many seconds."""

    rows: int = 100
    windows: int = 3
    step_seconds: int = 10
    start_us: int = NINE


def address(text: str) -> bytes:
    """16 bytes, IPv4 mapped."""
    parsed = ipaddress.ip_address(text)
    return parsed.packed if parsed.version == 6 else bytes(10) + b"\xff\xff" + parsed.packed


def identity(offset: int = 0, partition: int = 0) -> BlockIdentity:
    return BlockIdentity("weir.flows", partition, offset, offset + 9)


def flows(shape: Shape = Shape(), seed: int = 1, partition: int = 0, first_offset: int = 0, node: str = "n1") -> pa.Table:  # noqa: B008
    random = np.random.default_rng(seed)
    start = shape.start_us + (np.arange(shape.rows) % max(shape.windows, 1)) * shape.step_seconds * SECOND
    columns = {field.name: _column(field, shape.rows, random) for field in FLOWS}
    columns |= {
        "window_start": _instants(start),
        "window_seconds": pa.array(np.full(shape.rows, 10, np.uint16)),
        "first_seen": _instants(start + 1),
        "last_seen": _instants(start + 10 * SECOND - 1),
        "region": _names(["eu"] * shape.rows),
        "network": _names(["default"] * shape.rows),
        "role": _names([("unknown", "client", "server")[i] for i in random.integers(0, 3, shape.rows)]),
        "node_id": _names([node] * shape.rows),
        "epoch": pa.array(np.full(shape.rows, 7, np.uint64)),
        "topic": _names(["weir.flows"] * shape.rows),
        "partition": pa.array(np.full(shape.rows, partition, np.uint32)),
        "first_offset": pa.array(np.full(shape.rows, first_offset, np.uint64)),
    }
    return pa.table([columns[name] for name in FLOWS.names], schema=FLOWS)


def nodes(rows: list[tuple[str, str, str, int, int]]) -> pa.Table:
    """Sightings (node, zone, version, first, last), the instants in seconds after nine."""
    return pa.table(
        [
            _names([node for node, *_ in rows]),
            _names([zone for _, zone, *_ in rows]),
            _names(["eu"] * len(rows)),
            _names([version for _, _, version, *_ in rows]),
            _names([""] * len(rows)),
            _instants(np.array([NINE + first * SECOND for *_, first, _ in rows], np.int64)),
            _instants(np.array([NINE + last * SECOND for *_, last in rows], np.int64)),
        ],
        schema=NODES,
    )


def samples(lists: list[list[int]]) -> pa.Array:
    return pa.array(lists, SAMPLES)


def losses(rows: int, first_offset: int = 0) -> pa.Table:
    text = {"node_id": "n1", "stage": "agent", "reason": "map_full", "topic": "weir.flows"}
    columns = [_names([text[f.name]] * rows) if f.name in text else pa.array(np.arange(rows)).cast(_plain(f.type)) for f in LOSSES]
    whole = dict(zip(LOSSES.names, columns, strict=True))
    whole["window_start"] = _instants(np.full(rows, NINE))
    whole["first_offset"] = pa.array(np.full(rows, first_offset, np.uint64))
    whole["partition"] = pa.array(np.zeros(rows, np.uint32))
    return pa.table([whole[name] for name in LOSSES.names], schema=LOSSES)


def ownership(ranges: list[tuple[str, str, int, int]], port: int = 0, node: str = "n1", chain: int = 0, ended: bool = False) -> pa.Table:
    """Ranges (ip, workload, start, end), the instants in seconds after nine."""
    return pa.table(
        [
            _names(["default"] * len(ranges)),
            pa.array([address(ip) for ip, _, _, _ in ranges], pa.binary(16)),
            pa.array([port] * len(ranges), pa.uint16()),
            _names([""] * len(ranges)),
            _names([name for _, name, _, _ in ranges]),
            _instants(np.array([NINE + start * SECOND for _, _, start, _ in ranges])),
            _instants(np.array([NINE + end * SECOND for _, _, _, end in ranges])),
            _names(["heartbeat"] * len(ranges)),
            _names([node] * len(ranges)),
            pa.array([chain] * len(ranges), pa.uint64()),
            pa.array([int(ended)] * len(ranges), pa.uint8()),
        ],
        schema=OWNERSHIP,
    )


def rests(ends: list[tuple[int, int, int]], node: str = "n1") -> pa.Table:
    """Rests (chain, start, end), the instants in seconds after nine."""
    return pa.table(
        [
            _names(["default"] * len(ends)),
            _names([node] * len(ends)),
            pa.array([chain for chain, _, _ in ends], pa.uint64()),
            _instants(np.array([NINE + start * SECOND for _, start, _ in ends], np.int64)),
            _instants(np.array([NINE + end * SECOND for _, _, end in ends], np.int64)),
            pa.array([12] * len(ends), pa.uint32()),
        ],
        schema=RESTS,
    )


def ip_events(events: list[tuple[str, int, str, str]]) -> pa.Table:
    """Events (ip, instant in seconds after nine, "+" or "-", workload)."""
    return pa.table(
        [
            _names(["default"] * len(events)),
            pa.array([address(ip) for ip, _, _, _ in events], pa.binary(16)),
            _instants(np.array([NINE + at * SECOND for _, at, _, _ in events], np.int64)),
            pa.array([kind == "+" for _, _, kind, _ in events], pa.bool_()),
            _names([name for _, _, _, name in events]),
        ],
        schema=IP_EVENTS,
    )


def batches(entries: list[tuple[int, int, int]], first_offset: int = 0, partition: int = 0, node: str = "n1") -> pa.Table:
    """Ledger rows (window in seconds after nine, batch index, batch count) of one node and epoch 7."""
    count = len(entries)
    return pa.table(
        [
            _names([node] * count),
            pa.array([7] * count, pa.uint64()),
            _instants(np.array([NINE + start * SECOND for start, _, _ in entries], np.int64)),
            pa.array([10] * count, pa.uint16()),
            pa.array([index for _, index, _ in entries], pa.uint32()),
            pa.array([of for _, _, of in entries], pa.uint32()),
            pa.array([partition] * count, pa.uint32()),
            pa.array([first_offset] * count, pa.uint64()),
            _names(["weir.flows"] * count),
        ],
        schema=BATCHES,
    )


def block(
    of: BlockIdentity,
    flow_rows: pa.Table | None = None,
    loss_rows: pa.Table | None = None,
    range_rows: pa.Table | None = None,
    batch_rows: pa.Table | None = None,
    rest_rows: pa.Table | None = None,
    node_rows: pa.Table | None = None,
) -> Block:
    return Block(
        of,
        flow_rows if flow_rows is not None else FLOWS.empty_table(),
        loss_rows if loss_rows is not None else LOSSES.empty_table(),
        range_rows if range_rows is not None else OWNERSHIP.empty_table(),
        batch_rows if batch_rows is not None else BATCHES.empty_table(),
        rest_rows if rest_rows is not None else RESTS.empty_table(),
        node_rows if node_rows is not None else NODES.empty_table(),
    )


def _column(field: pa.Field, rows: int, random: np.random.Generator) -> pa.Array:
    if field.type == SAMPLES:
        return samples([_histogram(random) for _ in range(rows)])
    if field.name in ("local_ip", "remote_ip"):
        pool = [address(text) for text in ("10.0.0.0", "10.0.0.7", "192.168.0.255", "fd00::1", "fd00::", "2001:db8::ff00:0")]
        return pa.array([pool[i] for i in random.integers(0, len(pool), rows)], pa.binary(16))
    if pa.types.is_dictionary(field.type):
        return _names([NAMES[i] for i in random.integers(0, len(NAMES), rows)])
    if pa.types.is_boolean(field.type):
        return pa.array(random.integers(0, 2, rows).astype(bool))
    if pa.types.is_timestamp(field.type):
        return _instants(np.zeros(rows, np.int64))
    top = {"uint16": 2**16, "uint32": 2**32, "uint64": 2**40}[str(field.type)]
    return pa.array(random.integers(0, top, rows)).cast(field.type)


def _histogram(random: np.random.Generator) -> list[int]:
    """Of none up to all buckets, the last with a sample; now and then the most that a bucket holds."""
    length = int(random.choice([0, 0, 1, 12, 20, BUCKETS]))
    values = random.integers(0, 3, length) * random.choice([1, 7, 2**31 - 1])
    return [*map(int, values[:-1]), 2**32 - 1 if random.random() < 0.01 else 1] if length else []


def _plain(kind: pa.DataType) -> pa.DataType:
    return pa.int64() if pa.types.is_timestamp(kind) else kind


def _names(values: list[str]) -> pa.Array:
    return pa.array(values, pa.string()).dictionary_encode()


def _instants(micros: np.ndarray) -> pa.Array:
    return pa.array(micros.astype(np.int64)).cast(pa.timestamp("us", tz="UTC"))


def text(raw: bytes) -> str:
    """As ClickHouse prints an IPv6."""
    return socket.inet_ntop(socket.AF_INET6, raw)
