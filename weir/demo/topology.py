"""The little shop that the demo runs: which service is on which node, what it answers, and whom it calls how often.

Rates are small on purpose: everything here, the agents, the worker and the tables share one machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Protocol = Literal["http", "sql", "dns"]
"""`http`: a connection a call. `sql`: a pool of connections that stay. `dns`: one datagram there, one back."""


@dataclass(frozen=True)
class Listener:
    """A port that a service answers on. `pause_every`/`pause_for` (seconds): it is closed now and then, and calls are refused."""

    port: int
    protocol: Protocol
    answer_bytes: int
    pause_every: float = 0.0
    pause_for: float = 0.0


@dataclass(frozen=True)
class Call:
    """What a service asks of another: `rate` calls a second of `request_bytes` each."""

    to: str
    port: int
    protocol: Protocol
    rate: float
    request_bytes: int
    ip_version: int = 4


@dataclass(frozen=True)
class Service:
    """One workload in a pod of its own. `drops` is the share of arriving TCP packets that get lost before it."""

    name: str
    node: str
    listens: tuple[Listener, ...] = ()
    calls: tuple[Call, ...] = ()
    drops: float = 0.0


def _names(rate: float) -> Call:
    return Call("dns", 53, "dns", rate, 43)


SERVICES = (
    Service("web", "node-1", calls=(Call("gateway", 8080, "http", 12, 311), _names(4))),
    Service(
        "gateway",
        "node-1",
        (Listener(8080, "http", 18_797),),
        (Call("checkout", 8080, "http", 5, 1_709), Call("catalog", 8080, "http", 7, 409), _names(6)),
    ),
    Service(
        "checkout",
        "node-2",
        (Listener(8080, "http", 2_203),),
        (Call("postgres", 5432, "sql", 20, 307), Call("payments", 8443, "http", 4, 1_213), _names(3)),
    ),
    Service(
        "catalog",
        "node-2",
        (Listener(8080, "http", 9_413),),
        (Call("postgres", 5432, "sql", 14, 211), Call("search", 9200, "http", 5, 701, ip_version=6), _names(2)),
    ),
    Service("postgres", "node-3", (Listener(5432, "sql", 4_801),)),
    Service("payments", "node-3", (Listener(8443, "http", 503, pause_every=6.0, pause_for=1.5),)),
    Service("search", "node-3", (Listener(9200, "http", 6_101),)),
    Service("dns", "node-1", (Listener(53, "dns", 97),)),
    Service("reports", "node-2", calls=(Call("archive", 9000, "http", 2, 240_007), _names(1))),
    Service("archive", "node-1", (Listener(9000, "http", 59),), drops=0.03),
)

NODES = tuple(sorted({service.node for service in SERVICES}))


def service_named(name: str) -> Service:
    """The service of that name; raises KeyError."""
    return {service.name: service for service in SERVICES}[name]


def stop_order() -> tuple[str, ...]:
    """Stop order: callers before the services they call, so that no call is cut."""
    order: list[str] = []

    def visit(service: Service) -> None:
        for call in service.calls:
            visit(service_named(call.to))
        if service.name not in order:
            order.append(service.name)

    for service in SERVICES:
        visit(service)
    return tuple(reversed(order))
