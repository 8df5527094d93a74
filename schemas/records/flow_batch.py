"""Flows, heartbeats and losses as columns: what a batch holds between the wire and the tables.

Addresses are rows of 16 bytes in network order, IPv4 as ::ffff:a.b.c.d. Instants are UTC
microseconds since the epoch. Row i of every column of one object speaks of the same thing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import I64, U8, U16, U32, U64
from schemas.records.histogram import Histogram, empty_histogram, joined_histograms

ROLE_UNKNOWN, ROLE_CLIENT, ROLE_SERVER = 0, 1, 2
ROLE_NAMES = ("unknown", "client", "server")

COUNTER_LIMIT = 2**63
"""Counters must stay below: Avro's long is signed."""


@dataclass(frozen=True)
class FlowColumns:
    """n flows of one node, epoch and window. `local_workload` indexes the batch's `workloads`, `remote_domain` its `domains`, from 1 on."""

    local_ip: U8  # (n, 16)
    remote_ip: U8  # (n, 16)
    service_port: U16
    protocol: U8  # IP protocol number
    role: U8  # ROLE_*
    local_workload: U32
    first_seen_us: I64
    last_seen_us: I64
    bytes_sent: U64
    bytes_received: U64
    packets_sent: U64
    packets_received: U64
    payload_bytes_sent: U64
    payload_bytes_received: U64
    connections_opened: U32
    connections_closed: U32
    connections_failed: U32
    connections_reset: U32
    retransmits: U32
    rtt_us_sum: U64
    rtt_us_max: U32
    rtt_count: U32
    connections_refused: U32
    connections_timed_out: U32
    remote_domain: U32  # 0: no name
    rtt: Histogram = field(default_factory=empty_histogram)
    connect: Histogram = field(default_factory=empty_histogram)

    def __len__(self) -> int:
        return len(self.service_port)

    def take(self, rows: NDArray[Any]) -> FlowColumns:
        """The rows that an index array without repeats or a boolean mask selects, in that order."""
        columns: dict[str, Any] = {name: getattr(self, name)[rows] for name in FLOW_DTYPES}
        return FlowColumns(**columns, rtt=self.rtt.take(rows, len(self)), connect=self.connect.take(rows, len(self)))

    def part(self, rows: slice) -> FlowColumns:
        """Neighbouring rows, as views: a large window is cut without a second copy of it in memory. `rows` has a start and a stop."""
        columns: dict[str, Any] = {name: getattr(self, name)[rows] for name in FLOW_DTYPES}
        return FlowColumns(**columns, rtt=self.rtt.part(rows), connect=self.connect.part(rows))


@dataclass(frozen=True)
class HeartbeatColumns:
    """m statements "this workload held this address from start to end" (half-open).

    `port` 0: the whole address. Otherwise the address is shared, and the workload listens on (port, protocol).
    """

    ip: U8  # (m, 16)
    workload: U32  # index into the batch's `workloads`
    port: U16
    protocol: U8
    start_us: I64
    end_us: I64

    def __len__(self) -> int:
        return len(self.port)


@dataclass(frozen=True)
class Loss:
    """What could not be counted, where and why. Two equal losses are one, delivered twice.

    `id` tells apart losses that are otherwise equal but not the same (a dropped batch's seq); 0 where there is one at most.
    """

    window_start_us: int
    stage: str
    reason: str
    flows: int = 0
    packets: int = 0
    bytes: int = 0
    id: int = 0

    @classmethod
    def of_flows(cls, window_start_us: int, stage: str, reason: str, flows: FlowColumns, hashes: U64) -> Loss:
        """The loss that stands for these flows; `hashes`: of their flow keys, one a row. The same flows give the same loss.

        A total that no counter can hold stays at the largest that one can: counters are what a node says, up to 2^63 each.
        """
        return cls(
            window_start_us=window_start_us,
            stage=stage,
            reason=reason,
            flows=len(hashes),
            packets=saturated_total(flows.packets_sent, flows.packets_received),
            bytes=saturated_total(flows.bytes_sent, flows.bytes_received),
            id=int(np.bitwise_xor.reduce(hashes)) & (COUNTER_LIMIT - 1),
        )


def saturated_total(*columns: U64) -> int:
    """Sum of all rows of the columns, at most the largest value of a counter. Halves of 32 bits are summed: their sums cannot wrap."""
    high = sum(int((column >> np.uint64(32)).sum()) for column in columns)
    low = sum(int((column & np.uint64(0xFFFF_FFFF)).sum()) for column in columns)
    return min((high << 32) + low, COUNTER_LIMIT - 1)


@dataclass(frozen=True)
class FlowBatch:
    """One Kafka message of `weir.flows`: a slice of one window of one node and epoch.

    `batch_index` of `batch_count` slices; a count of 0 says that the sender does not know whether the window is whole
    (a replayed recording): such a window is never taken for complete.
    """

    node_id: str
    epoch: int
    seq: int
    region: str
    network: str
    window_start_us: int
    window_seconds: int
    batch_index: int
    batch_count: int
    workloads: tuple[str, ...]
    flows: FlowColumns
    heartbeats: HeartbeatColumns
    losses: tuple[Loss, ...] = field(default=())
    zone: str = ""  # of the node; empty: not known, as are the versions
    agent_version: str = ""
    config_version: str = ""
    domains: tuple[str, ...] = ()

    @property
    def window_end_us(self) -> int:
        return self.window_start_us + self.window_seconds * 1_000_000


FLOW_DTYPES: dict[str, np.dtype[Any]] = {
    **dict.fromkeys(("local_ip", "remote_ip", "protocol", "role"), np.dtype("u1")),
    "service_port": np.dtype("<u2"),
    **dict.fromkeys(("first_seen_us", "last_seen_us"), np.dtype("<i8")),
    **dict.fromkeys(
        (
            "bytes_sent",
            "bytes_received",
            "packets_sent",
            "packets_received",
            "payload_bytes_sent",
            "payload_bytes_received",
            "rtt_us_sum",
        ),
        np.dtype("<u8"),
    ),
    **dict.fromkeys(
        (
            "local_workload",
            "connections_opened",
            "connections_closed",
            "connections_failed",
            "connections_reset",
            "retransmits",
            "rtt_us_max",
            "rtt_count",
            "connections_refused",
            "connections_timed_out",
            "remote_domain",
        ),
        np.dtype("<u4"),
    ),
}
HEARTBEAT_DTYPES: dict[str, np.dtype[Any]] = {
    "ip": np.dtype("u1"),
    "workload": np.dtype("<u4"),
    "port": np.dtype("<u2"),
    "protocol": np.dtype("u1"),
    "start_us": np.dtype("<i8"),
    "end_us": np.dtype("<i8"),
}
HISTOGRAMS = ("rtt", "connect")
"""Smoothed round trips, and times from SYN to established."""
COUNTERS = tuple(f.name for f in fields(FlowColumns) if f.name not in (*HISTOGRAMS, "remote_domain"))[8:]


def empty_flows() -> FlowColumns:
    columns: dict[str, Any] = {name: _zeros(name, dtype) for name, dtype in FLOW_DTYPES.items()}
    return FlowColumns(**columns)


def joined_flows(parts: Sequence[FlowColumns]) -> FlowColumns:
    """The flows of all parts, one after the other."""
    if not parts:
        return empty_flows()
    columns: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in FLOW_DTYPES}
    columns.update((name, joined_histograms([(getattr(part, name), len(part)) for part in parts])) for name in HISTOGRAMS)
    return FlowColumns(**columns)


def empty_heartbeats() -> HeartbeatColumns:
    return HeartbeatColumns(*(_zeros(f.name, HEARTBEAT_DTYPES[f.name]) for f in fields(HeartbeatColumns)))


def _zeros(name: str, dtype: np.dtype[Any], rows: int = 0) -> NDArray[Any]:
    return np.zeros((rows, 16) if name in ("local_ip", "remote_ip", "ip") else rows, dtype)
