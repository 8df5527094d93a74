"""The demo's shop as tables, made up: 80 minutes of it up to the last whole window, and a day before that five minutes of a fleet.

What there is to be found: `reports` calls `archive` on port 9001 and is refused; `payments` waits long for api.cards.example, and resends;
`web` talks to an address that nobody held (`gap`); half an hour ago `catalog` went over from `index` to `recommender`; node-2 lost packets;
node-4 and node-5 are silent. Amounts depend on the edge and on the window's number alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from schemas.records.tables import BATCHES, FLOWS, LOSSES, NODES, OWNERSHIP, Block, BlockIdentity
from tests.sinks.blocks import address

SECOND = 1_000_000
WINDOW_S = 10
TO_COME = 12
"""Windows between the last and now: what is added later must not lie in the future."""
HISTORY_S = 80 * 60
DEPLOY_S = 30 * 60
SILENT_S = 20 * 60
FLEET_BEFORE_S = 86_400
FLEET_WINDOWS = 30
FLEET = 300
SPACES = ("shop", "pay", "search", "data", "edge", "ops")

NODES_OF = {
    "web": 1,
    "gateway": 1,
    "checkout": 2,
    "catalog": 2,
    "postgres": 3,
    "payments": 3,
    "search": 3,
    "dns": 1,
    "reports": 2,
    "archive": 1,
}
NODES_OF |= {"recommender": 3, "index": 3}
ZONES = {1: "zone-a", 2: "zone-b", 3: "zone-b", 4: "zone-a", 5: "zone-b"}


@dataclass(frozen=True)
class Edge:
    """What `client` asks of `server` in a window: `kilobytes` there, three times as much back, of `calls` so many `refused`."""

    client: str
    server: str
    port: int
    kilobytes: int
    calls: int = 5
    protocol: str = "tcp"
    refused: int = 0
    rtt_us: int = 400
    resent: int = 0
    domain: str = ""
    reason: str = ""
    since_s: int | None = None
    until_s: int | None = None


EDGES = (
    Edge("web", "gateway", 8080, 60),
    Edge("gateway", "checkout", 8080, 20),
    Edge("gateway", "catalog", 8080, 40),
    Edge("checkout", "postgres", 5432, 30),
    Edge("checkout", "payments", 8443, 10),
    Edge("catalog", "postgres", 5432, 50),
    Edge("catalog", "search", 9200, 25),
    Edge("catalog", "index", 9300, 7, until_s=-DEPLOY_S),
    Edge("catalog", "recommender", 8090, 9, since_s=-DEPLOY_S),
    Edge("payments", "", 443, 8, rtt_us=480_000, resent=3, domain="api.cards.example", reason="external"),
    Edge("payments", "", 443, 3, domain="rates.fx.example", reason="external"),
    Edge("reports", "archive", 9000, 400),
    Edge("reports", "archive", 9001, 1, calls=0, refused=3),
    Edge("web", "", 8081, 2, reason="gap"),
    *(Edge(client, "dns", 53, 1, calls=0, protocol="udp") for client in ("web", "gateway", "checkout", "catalog", "reports")),
)
REFUSED = EDGES[12]
SLOW = EDGES[9]


def shop(end_s: int) -> Iterator[Block]:
    """All of it; `end_s` is a multiple of WINDOW_S: where the last window ends."""
    yield fleet(end_s - FLEET_BEFORE_S)
    windows = range((end_s - HISTORY_S) // WINDOW_S, end_s // WINDOW_S)
    yield windows_of(windows, end_s, ranges=_ranges(end_s))


def next_window(end_s: int) -> Block:
    """The window from `end_s` on."""
    return windows_of(range(end_s // WINDOW_S, end_s // WINDOW_S + 1), end_s)


def windows_of(windows: range, end_s: int, ranges: pa.Table | None = None) -> Block:
    rows, reported = [], []
    for number in windows:
        at = number * WINDOW_S
        for place, edge in enumerate(EDGES):
            if (edge.since_s is None or at >= end_s + edge.since_s) and (edge.until_s is None or at < end_s + edge.until_s):
                rows += _both_views(place, edge, number)
        reported += [(node, at) for node in ZONES if node <= 3 or at < end_s - SILENT_S]
    lost = _table(LOSSES, [_lost(number) for number in dict.fromkeys((windows[0], windows[-1]))])
    return Block(
        _identity(windows), _table(FLOWS, rows), lost, ranges or OWNERSHIP.empty_table(), _batches(reported), nodes=_nodes(reported)
    )


def fleet(end_s: int) -> Block:
    """FLEET workloads of SPACES, each with two servers."""
    windows = range(end_s // WINDOW_S - FLEET_WINDOWS, end_s // WINDOW_S)
    names = [f"{SPACES[number % len(SPACES)]}/service-{number:03}" for number in range(FLEET)]
    edges = [
        Edge(names[number], names[(number * 7 + step) % FLEET], 8000 + step, 1 + number % 9, refused=int(number == 42 and step == 1))
        for number in range(FLEET)
        for step in (1, 11)
    ]
    rows = [_view(place, edge, windows[0], "client") for place, edge in enumerate(edges)]
    reported = [(node, number * WINDOW_S) for number in windows for node in (1, 2, 3)]
    return Block(
        _identity(windows), _table(FLOWS, rows), LOSSES.empty_table(), OWNERSHIP.empty_table(), _batches(reported), nodes=_nodes(reported)
    )


def _identity(windows: range) -> BlockIdentity:
    return BlockIdentity("weir.flows", 0, windows[0], windows[-1])


def _both_views(place: int, edge: Edge, number: int) -> list[dict[str, Any]]:
    return [_view(place, edge, number, role) for role in ("client", "server") if role == "client" or edge.server]


def _view(place: int, edge: Edge, number: int, role: str) -> dict[str, Any]:
    """One flow, as one of its ends counted it; the client's counts."""
    client = role == "client"
    ends = {"local": edge.client, "remote": edge.server} if client else {"local": edge.server, "remote": edge.client}
    nodes = {side: NODES_OF.get(name, place % 3 + 1) for side, name in ends.items()}
    amount = (number * 7_919 + place * 104_729) % 499
    sent, received = edge.kilobytes * 1_000 + amount, edge.kilobytes * 3_000
    at = number * WINDOW_S * SECOND
    bucket = max(edge.rtt_us.bit_length() * 2 - 6, 0)
    return {
        "window_start": at,
        "window_seconds": WINDOW_S,
        "first_seen": at + 1,
        "last_seen": at + WINDOW_S * SECOND - 1,
        "region": "eu",
        "network": "default",
        "node_id": f"node-{nodes['local']}",
        "epoch": 1,
        "protocol": edge.protocol,
        "role": role,
        "local_ip": _ip(ends["local"], place),
        "remote_ip": _ip(ends["remote"], place),
        "service_port": edge.port,
        "local_workload": ends["local"],
        "remote_workload": ends["remote"],
        "remote_source": "heartbeat" if ends["remote"] else "none",
        "remote_reason": edge.reason,
        "canonical": client,
        "bytes_sent": sent if client else received,
        "bytes_received": received if client else sent,
        "packets_sent": edge.kilobytes,
        "packets_received": edge.kilobytes,
        "connections_opened": edge.calls,
        "connections_closed": edge.calls,
        "connections_failed": edge.refused,
        "connections_refused": edge.refused,
        "retransmits": edge.resent,
        "rtt_us_sum": edge.rtt_us * edge.calls,
        "rtt_us_max": edge.rtt_us,
        "rtt_count": edge.calls,
        "partition": 0,
        "first_offset": number,
        "topic": "weir.flows",
        "local_zone": ZONES[nodes["local"]],
        "remote_zone": ZONES[nodes["remote"]] if ends["remote"] else "",
        "remote_region": "eu" if ends["remote"] else "",
        "remote_node_id": f"node-{nodes['remote']}" if ends["remote"] else "",
        "remote_domain": edge.domain,
        "registrable_domain": ".".join(edge.domain.split(".")[-2:]),
        "rtt_histogram": [0] * bucket + [edge.calls] if edge.calls else [],
    }


def ip_of(workload: str) -> str:
    return f"10.0.{NODES_OF[workload]}.{10 + sorted(NODES_OF).index(workload)}"


def _ip(name: str, place: int) -> bytes:
    return address(ip_of(name) if name in NODES_OF else f"192.175.48.{place}" if not name else f"10.9.{place // 250}.{place % 250}")


def _ranges(end_s: int) -> pa.Table:
    """Each workload has held its address for an hour."""
    common = {"network": "default", "source": "heartbeat", "port": 0, "protocol": "", "chain": 0, "ended": 0}
    common |= {"start": (end_s - 3_600) * SECOND, "end": end_s * SECOND}
    return _table(
        OWNERSHIP, [{"ip": _ip(name, 0), "workload": name, "node_id": f"node-{node}", **common} for name, node in NODES_OF.items()]
    )


def _lost(number: int) -> dict[str, Any]:
    start = number * WINDOW_S * SECOND
    named = {"window_start": start, "node_id": "node-2", "epoch": 1, "stage": "agent", "reason": "map_full", "topic": "weir.flows"}
    return {**named, "flows": 1, "packets": 23, "bytes": 7_919, "first_offset": number}


def _batches(reported: list[tuple[int, int]]) -> pa.Table:
    common = {"epoch": 1, "window_seconds": WINDOW_S, "batch_index": 0, "batch_count": 1, "partition": 0, "topic": "weir.flows"}
    rows = [{"node_id": f"node-{node}", "window_start": at * SECOND, "first_offset": at // WINDOW_S, **common} for node, at in reported]
    return _table(BATCHES, rows)


def _nodes(reported: list[tuple[int, int]]) -> pa.Table:
    seen: dict[int, list[int]] = {}
    for node, at in reported:
        seen.setdefault(node, []).append(at)
    common = {"region": "eu", "agent_version": "0.1.0", "config_version": ""}
    rows = [
        {"node_id": f"node-{node}", "zone": ZONES[node], "first_seen": at[0] * SECOND, "last_seen": (at[-1] + WINDOW_S) * SECOND, **common}
        for node, at in seen.items()
    ]
    return _table(NODES, rows)


def _table(schema: pa.Schema, rows: list[dict[str, Any]]) -> pa.Table:
    """Columns by the schema; what a row lacks is 0, empty, or no samples."""
    return pa.table([pa.array([row.get(field.name, _nothing(field.type)) for row in rows], field.type) for field in schema], schema=schema)


def _nothing(kind: pa.DataType) -> object:
    if pa.types.is_dictionary(kind):
        return ""
    return [] if pa.types.is_list(kind) else 0
