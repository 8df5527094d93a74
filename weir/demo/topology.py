"""The little shop that the demo runs: which service is on which node, what it answers, and whom it calls how often.

Rates are small on purpose: everything here, the agents, the worker and the tables share one machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from weir.demo.names import SHOP_DOMAIN

Protocol = Literal["http", "sql", "dns"]
"""`http`: a connection a call. `sql`: a pool of connections that stay. `dns`: one datagram there, one back."""


@dataclass(frozen=True)
class Listener:
    """A port that a service answers on. `pause_every`/`pause_for` (seconds): it is closed now and then, and calls are refused.

    `silent`: a firewall drops what arrives there, and calls time out.
    """

    port: int
    protocol: Protocol
    answer_bytes: int
    pause_every: float = 0.0
    pause_for: float = 0.0
    silent: bool = False


@dataclass(frozen=True)
class Call:
    """What a service asks of another: `rate` calls a second of `request_bytes` each. `asks`: of a name service, for which name."""

    to: str
    port: int
    protocol: Protocol
    rate: float
    request_bytes: int
    ip_version: int = 4
    asks: str = SHOP_DOMAIN


@dataclass(frozen=True)
class Service:
    """One workload in a pod of its own. `drops` is the share of arriving TCP packets that get lost before it.

    `domain`: it is somewhere on the internet, known by this name alone, at the public `address`; `alias`: the name of its host there.
    """

    name: str
    node: str
    listens: tuple[Listener, ...] = ()
    calls: tuple[Call, ...] = ()
    drops: float = 0.0
    domain: str = ""
    alias: str = ""
    address: str = ""


INTERNET = "internet"
"""The node of those outside: nobody counts there."""
INTERNET_NETWORK = "192.175.48.0/24"
"""Public by IANA's registry (AS112, RFC 7534): to weir an address like any other of the internet. No packet leaves the lab."""


def _names(rate: float, of: str) -> Call:
    return Call("dns", 53, "dns", rate, 0, asks=f"{of}.{SHOP_DOMAIN}")


SERVICES = (
    Service("web", "node-1", calls=(Call("gateway", 8080, "http", 12, 311), _names(4, "gateway"))),
    Service(
        "gateway",
        "node-1",
        (Listener(8080, "http", 18_797),),
        (Call("checkout", 8080, "http", 5, 1_709), Call("catalog", 8080, "http", 7, 409), _names(6, "checkout")),
    ),
    Service(
        "checkout",
        "node-2",
        (Listener(8080, "http", 2_203),),
        (Call("postgres", 5432, "sql", 20, 307), Call("payments", 8443, "http", 4, 1_213), _names(3, "payments")),
    ),
    Service(
        "catalog",
        "node-2",
        (Listener(8080, "http", 9_413),),
        (Call("postgres", 5432, "sql", 14, 211), Call("search", 9200, "http", 5, 701, ip_version=6), _names(2, "search")),
    ),
    Service("postgres", "node-3", (Listener(5432, "sql", 4_801),)),
    Service(
        "payments",
        "node-3",
        (Listener(8443, "http", 503, pause_every=6.0, pause_for=1.5),),
        (Call("cards", 443, "http", 3, 907), Call("rates", 443, "http", 1, 211)),
    ),
    Service("search", "node-3", (Listener(9200, "http", 6_101),)),
    Service("dns", "node-1", (Listener(53, "dns", 0),)),
    Service(
        "reports",
        "node-2",
        calls=(Call("archive", 9000, "http", 2, 240_007), Call("archive", 9001, "http", 1, 101), _names(1, "archive")),
    ),
    Service("archive", "node-1", (Listener(9000, "http", 59), Listener(9001, "http", 59, silent=True)), drops=0.03),
    Service(
        "cards",
        INTERNET,
        (Listener(443, "http", 1_303),),
        drops=0.12,  # a lost SYN costs a second: that is why payments are slow
        domain="api.cards.example",
        alias="edge-7.cards-cdn.example",
        address="192.175.48.10",
    ),
    Service("rates", INTERNET, (Listener(443, "http", 599),), domain="rates.fx.example", address="192.175.48.11"),
)

NODES = tuple(sorted({service.node for service in SERVICES} - {INTERNET}))
ZONES = {"node-1": "zone-a", "node-2": "zone-b", "node-3": "zone-b"}


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
