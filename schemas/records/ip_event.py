"""An address changed hands, said by whatever tracks the cloud's addresses."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IpEvent:
    """Assignment (`workload` holds the address from `at_us` on) or unassignment (no workload holds it; `workload` may be empty)."""

    network: str
    ip: bytes  # 16 bytes, network order, IPv4 as ::ffff:a.b.c.d
    workload: str
    assigned: bool
    at_us: int
