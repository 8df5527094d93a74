"""How complete the tables are: up to when, by which nodes, and what is known to be lost."""

from __future__ import annotations

from dataclasses import dataclass

from sinks.queries.edges import Ask
from sinks.queries.sources import within
from sinks.queries.spans import Span

KNOWN_S = 3_600
"""A node that was not seen for so long before the newest window is not missed any more."""
LATE_WINDOWS = 3
"""A node is silent that is so many windows behind the newest."""
RECENT_S = 120
"""Of so long nodes are asked for at first, which is enough for windows of 20 s."""
_WINDOWS = LATE_WINDOWS + 3
_NEWEST = (  # of partitions' own figures, without a look at the rows; what a wrong clock sent from the future is left out by the day
    "SELECT toInt64(toUnixTimestamp(max(window_start))) AS start FROM weir.batches GROUP BY toDate(window_start) "
    "HAVING start <= toUnixTimestamp(now()) + 86400 ORDER BY start DESC LIMIT 1"
)
TABLES = ("edges_1d", "edges_1h", "edges_5m", "flows_1h", "flows_5m", "flows_1m", "flows")


@dataclass(frozen=True)
class NodeState:
    """`until_s`: the end of the node's newest complete window among the last; 0: there is none."""

    name: str
    until_s: int
    version: str


@dataclass(frozen=True)
class Completeness:
    """`until_s`: up to when every node that is not silent has reported. `newest_s`: up to when the first has. 0: nothing is there."""

    until_s: int
    newest_s: int
    window_s: int
    nodes: tuple[NodeState, ...]

    @property
    def silent(self) -> tuple[NodeState, ...]:
        return tuple(node for node in self.nodes if node.until_s < self.newest_s - LATE_WINDOWS * self.window_s)


@dataclass(frozen=True)
class Lost:
    flows: int
    packets: int
    bytes: int


def ask_completeness(ask: Ask) -> Completeness:
    found = ask(_NEWEST).to_pylist()
    if not found:
        return Completeness(0, 0, 0, ())
    start_s, window_s = found[0]["start"], RECENT_S // _WINDOWS
    reported = ask(_reported(start_s, window_s))
    longest_s = max(reported.column("seconds").to_pylist(), default=window_s)
    if longest_s > window_s:
        reported = ask(_reported(start_s, longest_s))
    window_s, newest_s = longest_s, start_s + longest_s
    until = dict(zip(*(reported.column(name).to_pylist() for name in ("name", "until_s")), strict=True))
    known = ask(
        "SELECT toString(node_id) AS name, argMax(agent_version, last_seen) AS version FROM weir.nodes "  # noqa: S608 numbers only
        f"GROUP BY node_id HAVING max(last_seen) >= toDateTime({newest_s - KNOWN_S}, 'UTC')"
    )
    versions = dict(zip(*(known.column(name).to_pylist() for name in ("name", "version")), strict=True))
    nodes = tuple(NodeState(name, until.get(name, 0), str(versions.get(name, ""))) for name in sorted(until.keys() | versions.keys()))
    reporting = [node.until_s for node in nodes if node.until_s >= newest_s - LATE_WINDOWS * window_s]
    return Completeness(min(reporting, default=newest_s), max(reporting, default=newest_s), window_s, nodes)


def _reported(newest_s: int, window_s: int) -> str:
    """Each node's newest complete window among the last; `seconds`: the length of its longest. `until_s` is 0 where none is complete."""
    return (
        "SELECT toString(node_id) AS name, toInt64(maxIf(until, have >= want)) AS until_s, toInt64(max(seconds)) AS seconds FROM ("  # noqa: S608
        "SELECT node_id, epoch, max(window_seconds) AS seconds, toUnixTimestamp(window_start) + seconds AS until, "
        "uniqExact(batch_index) AS have, max(batch_count) AS want FROM weir.batches "
        f"WHERE {within(Span(newest_s - _WINDOWS * window_s, newest_s + 1))} GROUP BY node_id, epoch, window_start) GROUP BY node_id"
    )


def ask_lost(ask: Ask, span: Span) -> Lost:
    row = ask(
        "SELECT toUInt64(sum(flows)) AS flows, toUInt64(sum(packets)) AS packets, toUInt64(sum(bytes)) AS bytes "  # noqa: S608 numbers only
        f"FROM weir.losses WHERE {within(span)}"
    ).to_pylist()[0]
    return Lost(row["flows"], row["packets"], row["bytes"])


def ask_oldest(ask: Ask) -> dict[str, int]:
    """The start of the oldest row of each table that has one, in UTC seconds."""
    each = " UNION ALL ".join(
        f"SELECT '{table}' AS name, toInt64(toUnixTimestamp(min(window_start))) AS oldest, count() AS rows FROM weir.{table}"  # noqa: S608
        for table in TABLES
    )
    return {row["name"]: row["oldest"] for row in ask(each).to_pylist() if row["rows"]}
