"""What has been found: findings by their time, state and kind, and by a filter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from sinks.engines.quoting import literal
from sinks.filter.sql import condition, dimensions_of, metrics_of
from sinks.filter.tree import Node
from sinks.queries.edges import Ask
from sinks.queries.namespaces import namespace_sql
from sinks.queries.spans import Span

States = Literal["open", "closed", "all"]
COLUMNS: Mapping[str, str] = {
    "client": "subject",
    "server": "peer",
    "client_namespace": namespace_sql("subject"),
    "server_namespace": namespace_sql("peer"),
    "service_port": "service_port",
    "network": "network",
    "service": "''",
    "domain": "''",
}
"""What a filter may speak of: a finding's subject is the client, its peer the server."""
_ORDER = "state = 'closed', indexOf(['critical', 'warning', 'info'], severity), first_seen DESC, id"


@dataclass(frozen=True)
class FindingsQuestion:
    """What was open at some time of the span, or still is."""

    span: Span
    state: States = "all"
    kinds: Sequence[str] = ()
    filter: Node | None = None
    limit: int = 100


def unknown_words(node: Node | None) -> tuple[str, ...]:
    """Fields of a filter that findings do not have."""
    return tuple(sorted((dimensions_of(node) - COLUMNS.keys()) | metrics_of(node)))


def findings_sql(question: FindingsQuestion) -> str:
    """The filter has no unknown words."""
    start, end = (f"toDateTime({at_s}, 'UTC')" for at_s in (question.span.start_s, question.span.end_s))
    wanted = [f"first_seen < {end}", f"(state = 'open' OR last_seen >= {start})"]
    if question.state != "all":
        wanted.append(f"state = '{question.state}'")
    if question.kinds:
        kinds = ", ".join(map(literal, question.kinds))
        wanted.append(f"kind IN ({kinds})")
    if question.filter is not None:
        wanted.append(condition(question.filter, COLUMNS))
    return f"{SELECT} WHERE {' AND '.join(wanted)} ORDER BY {_ORDER} LIMIT {question.limit}"


SELECT = (
    "SELECT id, toString(kind) AS kind, toString(network) AS network, toString(subject) AS subject, toString(peer) AS peer, service_port, "
    "toString(state) AS state, toString(severity) AS severity, first_seen, last_seen, count, evidence, toString(withheld) AS withheld, "
    "version FROM weir.findings FINAL"
)


def ask_findings(ask: Ask, question: FindingsQuestion) -> pa.Table:
    """Open ones first, then by severity, the newest first."""
    return ask(findings_sql(question))


def ask_open(ask: Ask) -> pa.Table:
    return ask(f"{SELECT} WHERE state = 'open' ORDER BY id LIMIT 5000")
