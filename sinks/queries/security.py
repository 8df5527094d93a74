"""What the questions about security share: rows by the names of their ends, tuples of what is asked for, and what was there before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sinks.engines.quoting import literal
from sinks.queries.sources import canonical_of, columns, within
from sinks.queries.spans import EDGES, Oldest, Span, plan

PASSING_PORTS = 32_768
"""Ports from here on are one: some programs listen on whichever is free."""
ROWS, CONTACTS, CONTACTS_OF_A_CLIENT = 100_000, 5_000, 2_000
"""An answer has no more rows. Beyond a client's own is more of the same; beyond all, as where a fleet is renamed, nothing is found."""
TELLABLE = "{client} != '' AND ({server} != '' OR {reason} = 'external')"
"""The client has a name, and the end one, or it is outside. What stands behind `gap`, `unknown` or `ambiguous` is not looked at."""
MET = "({connections_opened} > 0 OR {payload_bytes_received} > 0)"
_DAY_S = 86_400


def rows_of(table: str, spans: Sequence[Span], shown: Iterable[str], where: str) -> str:
    """SELECT of `shown`, each as b_NAME, over canonical rows. `where`: SQL in which {NAME} stands for what `_ends` has of it."""
    known = _ends(table)
    named = ", ".join(f"{known[name]} AS b_{name}" for name in shown)
    return (
        f"SELECT {named} FROM weir.{table} "  # noqa: S608 (composed of weir's own names)
        f"WHERE {within(*spans)}{canonical_of(table, 'canonical')} AND {where.format_map(known)}"
    )


def edges_of(span: Span, oldest: Oldest, shown: Sequence[str], where: str) -> str:
    """The same over the edges of a span, from the tables that are the cheapest for it."""
    spans: dict[str, list[Span]] = {}
    for piece in plan(span, EDGES, oldest).pieces:
        spans.setdefault(piece.table, []).append(piece.span)
    return " UNION ALL ".join(rows_of(table, pieces, shown, where) for table, pieces in spans.items())


def before(span: Span, oldest: Oldest, shown: Sequence[str], where: str) -> str:
    """The same from the beginning of the span's first day."""
    return edges_of(Span(span.start_s // _DAY_S * _DAY_S, span.end_s), oldest, shown, where)


def _ends(table: str) -> Mapping[str, str]:
    """SQL over a table's rows. `server`: the workload, or the service where several workloads may have answered; empty: an external end."""
    known = columns(table)
    server = f"if({known['server']} = '', toString({known['service']}), toString({known['server']}))"
    found = {
        "network": "toString(network)",
        "client": f"toString({known['client']})",
        "server": server,
        "domain": f"if({server} = '', toString({known['domain']}), '')",
        "port": f"least(toUInt32(service_port), {PASSING_PORTS})",
        "window_start": "toInt64(toUnixTimestamp(window_start))",
    }
    if table == "flows":
        found |= {name: f"replaceRegexpOne(toString({known[name]}), '^::ffff:', '')" for name in ("client_ip", "server_ip")}
        found |= {"window_seconds": "window_seconds", "local": "local_workload", "remote": "remote_workload", "raw_ip": known["server_ip"]}
    return {**known, **found}


def named(names: Iterable[str]) -> str:
    """The columns of a row under their own names."""
    return ", ".join(f"b_{name} AS {name}" for name in names)


def keys(names: Iterable[str]) -> str:
    return ", ".join(f"b_{name}" for name in names)


def listed(values: Iterable[tuple[str | int, ...]]) -> str:
    """Tuples as SQL, for IN; at least one."""
    return ", ".join(f"({', '.join(str(one) if isinstance(one, int) else literal(one) for one in value)})" for value in sorted(set(values)))


def texts(values: Iterable[str]) -> str:
    """Texts as SQL, for IN. None: what no name is."""
    return ", ".join(literal(one) for one in sorted(set(values))) or "'-'"


def addresses(column: str) -> str:
    """Some addresses of a group as one text, with spaces between."""
    return f"arrayStringConcat(groupUniqArray(8)({column}), ' ')"
