"""What a row of each table says in the words of a filter: client and server in place of local and remote."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from sinks.queries.namespaces import namespace_sql
from sinks.queries.spans import EDGES, FLOWS, ROLLUPS, Level, Span
from sinks.rollups import edge_columns, edge_sums

View = Literal["canonical", "both"]

_OF_REPORTER = ("node", "role", "source", "canonical")
_OF_FLOW = ("client_ip", "server_ip")
_SERVER = "role = 'server'"

SUMS = (*(name for name in edge_sums() if name != "rtt_us_max"), "flows")
MAXIMA = ("rtt_us_max",)
HISTOGRAMS = ("rtt_histogram", "connect_histogram")


@dataclass(frozen=True)
class Source:
    """`levels`: the tables that can answer, the coarsest first."""

    levels: tuple[Level, ...]
    view: View


def source_of(dimensions: Iterable[str], view: View) -> Source:
    """The smallest tables that know the dimensions."""
    wanted = set(dimensions)
    if wanted & set(_OF_FLOW):
        return Source(FLOWS, view)
    if view == "both" or wanted & set(_OF_REPORTER):
        return Source(ROLLUPS, view)
    return Source(EDGES, view)


def columns(table: str) -> Mapping[str, str]:
    """Dimension or base sum -> SQL over the table's rows."""
    return _EDGES if table.startswith("edges_") else _FLOWS if table == "flows" else _ROLLUPS


def _with_namespaces(found: dict[str, str]) -> dict[str, str]:
    return {**found, "client_namespace": namespace_sql(found["client"]), "server_namespace": namespace_sql(found["server"])}


def _named(found: dict[str, str]) -> dict[str, str]:
    """In the words of the filter."""
    renamed = {"server_service": "service", "server_domain": "domain"}
    return _with_namespaces({renamed.get(name, name): sql for name, sql in found.items()})


_SAME = {name: name for name in (*SUMS, *MAXIMA, *HISTOGRAMS)}
_REPORTER = {"node": "node_id", "role": "role", "source": "remote_source", "canonical": "if(canonical, 'yes', 'no')"}
_EDGES = {**_named({name: name for name in edge_columns()}), **_SAME}
_ROLLUPS = {**_named(edge_columns()), **_REPORTER, **_SAME, **edge_sums(), "flows": "flows"}
_FLOWS = {
    **_named(edge_columns("registrable_domain")),
    **_REPORTER,
    **_SAME,
    **edge_sums(),
    "flows": "1",
    "client_ip": f"if({_SERVER}, remote_ip, local_ip)",
    "server_ip": f"if({_SERVER}, local_ip, remote_ip)",
}


def within(*spans: Span) -> str:
    """SQL that a row begins in one of the spans."""
    each = (f"window_start >= toDateTime({one.start_s}, 'UTC') AND window_start < toDateTime({one.end_s}, 'UTC')" for one in spans)
    return f"({' OR '.join(each)})"


def canonical_of(table: str, view: View) -> str:
    """SQL, with its AND, that leaves out of a table what the view has not."""
    return " AND canonical" if view == "canonical" and not table.startswith("edges_") else ""
