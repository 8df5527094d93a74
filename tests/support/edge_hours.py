"""A week of edges in the tables as rollups leave them, and what nodes have told of them: for questions that compare with the past."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sinks.engines.base import Engine
from sinks.open import open_engine, open_sink

END_S = 1_767_261_600
"""2026-01-01 10:00:00 UTC."""
DAYS = 7


@dataclass(frozen=True)
class Steady:
    """What it opens in each five minutes from a week before END_S to `until_s`: connections of 10 packets and 2 samples.

    `idle_s`: but for those that begin from the one up to the other. `failing`: how many more are tried and refused from `failing_s` on.
    `slow_s`: from then on a round trip takes 4 times its 2.4 ms. `node`: the client's; `server_nodes` tell of equal parts of it.
    """

    client: str
    server: str
    port: int = 443
    opened: int = 100
    node: str = "n1"
    server_nodes: tuple[str, ...] = ()
    zone: str = "eu-1a"
    server_zone: str = "eu-1a"
    until_s: int = END_S
    idle_s: tuple[int, int] = (0, 0)
    failing: int = 0
    failing_s: int = END_S
    slow_s: int = END_S


@contextmanager
def filled(directory: Path, edges: Sequence[Steady], nodes_until_s: dict[str, int]) -> Iterator[Engine]:
    """The embedded engine over a new directory that holds them. `nodes_until_s`: up to when each node has told of all its windows."""
    url = f"chdb://{directory}"
    with closing(open_sink(url)) as sink:
        sink.migrate()
    with closing(open_engine(url)) as engine:
        _write(engine, edges, nodes_until_s)
        yield engine


def _write(engine: Engine, edges: Sequence[Steady], nodes_until_s: dict[str, int]) -> None:
    for unit_s, table in ((300, "edges_5m"), (3_600, "edges_1h"), (86_400, "edges_1d")):
        engine.execute(_insert(table, [_edges(unit_s, edge) for edge in edges]))
    engine.execute(_insert("flows_5m", [_reported(edge) for edge in edges]))
    engine.execute(_insert("flows_1h", [told for edge in edges for told in _told_by_hour(edge)]))
    for node, until_s in nodes_until_s.items():
        windows = 3_600 * 6 // 10
        engine.execute(
            "INSERT INTO weir.batches (node_id, epoch, window_start, window_seconds, batch_index, batch_count) "  # noqa: S608 - numbers
            f"SELECT '{node}', 1, toDateTime({until_s} - 10 - 10 * number, 'UTC'), 10, 0, 1 FROM numbers({windows})"
        )


def _insert(table: str, rows: Sequence[tuple[dict[str, str], str]]) -> str:
    each = " UNION ALL ".join(f"SELECT {', '.join(columns.values())} FROM {numbers}" for columns, numbers in rows)  # noqa: S608
    return f"INSERT INTO weir.{table} ({', '.join(rows[0][0])}) {each}"  # noqa: S608


def _edges(unit_s: int, edge: Steady) -> tuple[dict[str, str], str]:
    """SQL of its columns over `number` below the other. Summed from steps, so that all tables say the same."""
    first = END_S - DAYS * 86_400
    at = f"({first} + 300 * number)"
    bad = f"if({at} >= {edge.failing_s}, {edge.failing}, 0)"
    bucket = f"if({at} >= {edge.slow_s}, 22, 18)"
    columns = {
        "window_start": f"toDateTime(intDiv({at}, {unit_s}) * {unit_s}, 'UTC')", "network": "'default'", "client": f"'{edge.client}'",
        "server": f"'{edge.server}'", "protocol": "'tcp'", "service_port": str(edge.port), "client_zone": f"'{edge.zone}'",
        "server_zone": f"'{edge.server_zone}'", "flows": "1",
        "bytes_sent": f"{1_000 * edge.opened}", "bytes_received": f"{4_000 * edge.opened}",
        "packets_sent": f"{10 * edge.opened}", "connections_opened": str(edge.opened), "connections_closed": str(edge.opened),
        "connections_failed": bad, "connections_refused": bad, "rtt_samples": f"map(toUInt8({bucket}), toUInt64({2 * edge.opened}))",
        "connect_samples": f"map(toUInt8(18), toUInt64({edge.opened}))",
    }  # fmt: skip
    steps = (edge.until_s - first) // 300
    return columns, f"numbers({steps}) WHERE {at} < {edge.idle_s[0]} OR {at} >= {edge.idle_s[1]}"


def _reported(edge: Steady) -> tuple[dict[str, str], str]:
    return _told(edge, 300, edge.node, "client"), f"numbers({72 - (END_S - edge.until_s) // 300})"


def _told_by_hour(edge: Steady) -> Iterator[tuple[dict[str, str], str]]:
    """By the client's node, and by those of the server."""
    hours = f"numbers({6 - (END_S - edge.until_s) // 3_600})"
    yield _told(edge, 3_600, edge.node, "client"), hours
    for node in edge.server_nodes:
        yield _told(edge, 3_600, node, "server"), hours


def _told(edge: Steady, unit_s: int, node: str, role: str) -> dict[str, str]:
    """SQL of the columns of what a node tells over the last six hours, by units of time."""
    local, remote = (edge.client, edge.server) if role == "client" else (edge.server, edge.client)
    return {
        "window_start": f"toDateTime({END_S} - 6 * 3600 + {unit_s} * number, 'UTC')", "network": "'default'", "node_id": f"'{node}'",
        "protocol": "'tcp'", "role": f"'{role}'", "service_port": str(edge.port), "local_workload": f"'{local}'",
        "remote_workload": f"'{remote}'", "canonical": str(int(role == "client")), "flows": "1",
        "connections_opened": str(edge.opened * unit_s // 300),
    }  # fmt: skip
