"""Who was seen to talk to whom, from what both sides counted: one edge for two views, at the port that the server listens on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

MANY = 20
"""Connections after which an edge is no accident."""
HOURS, DAYS = 3, 2
"""Or it was seen in so many hours, on so many days."""
NODE = "node/"
NAMED_BY_ADDRESS = ("external", "link_local")
"""Reasons for which an end without a name stands for its address. Of all others it is not known who it is."""

Key = tuple[str, str, str, int, str, str, str]
"""client, server, protocol, port, domain, reason, service."""


@dataclass(frozen=True)
class Edge:
    """`client` or `server` "": an end without a name: `domain`, if it was asked for by one, and `reason`, why it has none.

    `connections`: opened. `hours`, `days`: in how many of them it was seen. `first_s`, `last_s`: starts of the first and last window, UTC
    seconds. `works`: a connection was opened, or both sides sent something. `service`: the address of a service was called, and who
    answered has not been seen at its own port.
    """

    client: str
    server: str
    protocol: str
    port: int
    domain: str
    reason: str
    service: str
    connections: int
    bytes: int
    hours: int
    days: int
    first_s: int
    last_s: int
    works: bool

    @property
    def is_learned(self) -> bool:
        """Whether it was seen often enough to be allowed. What only failed never is."""
        return self.works and self.is_known and (self.connections >= MANY or (self.hours >= HOURS and self.days >= DAYS))

    @property
    def is_known(self) -> bool:
        """Whether both ends are: by their names, or one of them by its address."""
        return bool(self.client and self.server) or (bool(self.client or self.server) and self.reason in NAMED_BY_ADDRESS)


def edges_of(rows: pa.Table) -> tuple[Edge, ...]:
    """`rows`: client, server, protocol, service_port, domain, reason, service, role and sums, as sinks.queries.segments has them.

    A call of a service stands at the service's port. Where the server itself was seen to serve that client, its own port is taken.
    """
    found = rows.to_pylist()
    own = [row for row in found if row["role"] == "server"]
    served = {(row["client"], row["server"], row["protocol"]) for row in own}
    others = [row for row in found if row["role"] != "server"]
    direct = [row for row in others if not (row["service"] and (row["client"], row["server"], row["protocol"]) in served)]
    by_key: dict[Key, list[dict[str, Any]]] = {}
    for row in (*own, *direct):
        by_key.setdefault(_key(row), []).append(row)
    return tuple(_edge(key, views) for key, views in sorted(by_key.items()))


def _key(row: dict[str, Any]) -> Key:
    """A service says nothing where the answer came from the port that was seen to be served."""
    service = row["service"] if row["role"] != "server" else ""
    return (row["client"], row["server"], row["protocol"], row["service_port"], row["domain"], row["reason"], service)


def _edge(key: Key, views: Sequence[dict[str, Any]]) -> Edge:
    """Two views of the same are not added up: each sum is that of the side that has seen more."""
    connections, size, hours, days, last_s = (max(int(row[name]) for row in views) for name in _LARGEST)
    works = any(row["connections"] or (row["sent"] and row["received"]) or (row["protocol"] != "tcp" and row["bytes"]) for row in views)
    return Edge(*key, connections, size, hours, days, min(int(row["first_s"]) for row in views), last_s, works)


_LARGEST = ("connections", "bytes", "hours", "days", "last_s")
