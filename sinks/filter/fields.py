"""What a filter may speak of: dimensions, of which a row has one value, and metrics, which are summed over rows.

A dimension of either end (`workload`) stands for the same of the client and of the server.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["name", "word", "address", "port", "count", "bytes", "time"]
"""`name`: text, with `*` as wildcard. `word`: one of a few. `address`: an address or a prefix. The last three are metrics."""
METRIC_KINDS = ("count", "bytes", "time")


@dataclass(frozen=True)
class Field:
    """`ends`: the dimensions of the client and the server, for one of either end. `words`: all that a `word` may be.

    `share_of`: the metrics whose sum a percentage of this metric is a share of.
    """

    name: str
    kind: Kind
    meaning: str
    ends: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    share_of: tuple[str, ...] = ()

    @property
    def is_metric(self) -> bool:
        return self.kind in METRIC_KINDS


_ATTEMPTS = ("connections_opened", "connections_failed")
_PACKETS = ("packets_sent", "packets_received")


def _ends(name: str, kind: Kind, meaning: str, client: str, server: str) -> tuple[Field, ...]:
    return (
        Field(name, kind, f"{meaning} of either end", (client, server)),
        Field(client, kind, f"{meaning} of the client"),
        Field(server, kind, f"{meaning} of the server"),
    )


_DIMENSIONS = (
    *_ends("workload", "name", "workload", "client", "server"),
    *_ends("namespace", "name", "namespace: what stands before the / of a workload's name", "client_namespace", "server_namespace"),
    *_ends("zone", "name", "zone", "client_zone", "server_zone"),
    *_ends("region", "name", "region", "client_region", "server_region"),
    *_ends("ip", "address", "address", "client_ip", "server_ip"),
    Field("protocol", "name", "tcp, udp, ..."),
    Field("service_port", "port", "the port that was listened on"),
    Field("service", "name", "the service whose address was called"),
    Field("domain", "name", "an external server's name, as its client had asked DNS for it"),
    Field("network", "name", "the network within which addresses are unique"),
    Field("node", "name", "the node that reports"),
    Field("role", "word", "the part of the side that reports", words=("client", "server", "unknown")),
    Field("source", "word", "who said the remote end's name", words=("heartbeat", "ip_event", "cidr", "service", "none")),
    Field(
        "reason",
        "word",
        "why the remote end has no name",
        words=("unknown", "ambiguous", "shared", "gap", "external", "group", "link_local"),
    ),
    Field("canonical", "word", "whether it is the one view of a flow that counts", words=("yes", "no")),
)

_METRICS = (
    Field("flows", "count", "flows by window"),
    Field("bytes", "bytes", "bytes both ways, as on the wire"),
    Field("bytes_sent", "bytes", "bytes that the client sent"),
    Field("bytes_received", "bytes", "bytes that the server sent"),
    Field("packets", "count", "packets both ways"),
    Field("packets_sent", "count", "packets that the client sent"),
    Field("packets_received", "count", "packets that the server sent"),
    Field("payload_bytes_sent", "bytes", "bytes that the client sent, without headers"),
    Field("payload_bytes_received", "bytes", "bytes that the server sent, without headers"),
    Field("connections_opened", "count", "handshakes completed"),
    Field("connections_closed", "count", "connections closed"),
    Field("connections_failed", "count", "connections that were never established; in % of attempts", share_of=_ATTEMPTS),
    Field("connections_refused", "count", "of those failed: a RST answered; in % of attempts", share_of=_ATTEMPTS),
    Field("connections_timed_out", "count", "of those failed: nobody answered; in % of attempts", share_of=_ATTEMPTS),
    Field("connections_reset", "count", "connections ended by a RST; in % of those opened", share_of=("connections_opened",)),
    Field("retransmits", "count", "segments sent again; in % of packets", share_of=_PACKETS),
    Field("rtt_us", "time", "mean of the smoothed round-trip times"),
    Field("rtt_us_max", "time", "longest of the smoothed round-trip times"),
)

FIELDS = {one.name: one for one in (*_DIMENSIONS, *_METRICS)}
"""By name, in the order in which they are shown."""

ALIASES = {
    "port": "service_port",
    "opened": "connections_opened",
    "closed": "connections_closed",
    "failed": "connections_failed",
    "refused": "connections_refused",
    "timed_out": "connections_timed_out",
    "reset": "connections_reset",
    "rtt": "rtt_us",
    "rtt_max": "rtt_us_max",
    "sent": "bytes_sent",
    "received": "bytes_received",
}
"""Shorter names, as people write them."""

SHORT = {name: name for name in FIELDS} | {name: alias for alias, name in ALIASES.items()}
"""Name -> the shortest name of the same."""

ELSEWHERE = {
    "app": "workload", "container": "workload", "deployment": "workload", "name": "workload", "pod": "workload",
    "src": "client", "dst": "server", "dest": "server", "destination": "server", "from": "client", "to": "server",
    "group": "namespace", "ns": "namespace", "team": "namespace", "az": "zone", "host": "node", "hostname": "node", "instance": "node",
    "proto": "protocol", "dport": "port", "svc": "service", "dns": "domain", "fqdn": "domain", "address": "ip", "cidr": "ip",
    "latency": "rtt", "delay": "rtt", "errors": "failed", "error": "failed", "resets": "reset", "retransmissions": "retransmits",
}  # fmt: skip
"""What other tools call it -> the field to propose. None of these names is taken."""

SEARCHED = ("client", "server", "service", "domain")
"""Where a word without a field is looked for."""


def field_named(name: str) -> Field | None:
    """By its name or its alias, in any case."""
    low = name.lower()
    return FIELDS.get(ALIASES.get(low, low))


def dimensions() -> tuple[Field, ...]:
    """Those of one value a row: what answers can be grouped by."""
    return tuple(one for one in FIELDS.values() if not one.is_metric and not one.ends)
