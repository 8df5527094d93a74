"""Records of the changelog topic `weir.ownership`: learned ranges (Ownership) and watermarks (Watermark)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AddressRange:
    """One workload held the address from `start_us` until before `end_us`.

    `port` 0: the whole address. Otherwise the address is shared, and the workload listens on (port, protocol).
    """

    workload: str
    port: int
    protocol: int  # IP protocol number
    start_us: int
    end_us: int
    source: str  # "heartbeat" or "ip_event"
    node_id: str  # the reporting node; empty for events


@dataclass(frozen=True, slots=True)
class Ownership:
    """Ranges of one address, in no particular order: merging them is the reader's task."""

    network: str
    ip: bytes  # 16 bytes, network order, IPv4 as ::ffff:a.b.c.d
    ranges: tuple[AddressRange, ...]


@dataclass(frozen=True, slots=True)
class Watermark:
    """How far the nodes of one partition of `weir.flows` have reported, by the worker that reads it."""

    partition: int
    reported_until_us: int
    read_until_us: int
    worker: str
