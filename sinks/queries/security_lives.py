"""Since when names are known, and when they were declared anew."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from sinks.queries.edges import Ask
from sinks.queries.security import ROWS, before, listed, texts
from sinks.queries.spans import Oldest, Span


def ask_lives(ask: Ask, names: Iterable[tuple[str, str]], span: Span, oldest: Oldest) -> pa.Table:
    """network, name, first_s (of traffic within the span, by the day; null: none), starts_s: a list, of those in `weir.workloads`."""
    wanted = listed(names)
    seen = " UNION ALL ".join(
        f"SELECT b_network, b_{end} AS b_name, b_window_start FROM ("  # noqa: S608 (composed of weir's own names)
        f"{before(span, oldest, ('network', end, 'window_start'), f'({{network}}, {{{end}}}) IN ({wanted})')})"
        for end in ("client", "server")
    )
    return ask(
        "SELECT network, name, min(first) AS first_s, arraySort(groupArrayArray(starts)) AS starts_s FROM ("  # noqa: S608
        "SELECT b_network AS network, b_name AS name, toNullable(min(b_window_start)) AS first, CAST([], 'Array(Int64)') AS starts "
        f"FROM ({seen}) GROUP BY b_network, b_name UNION ALL "
        "SELECT toString(network) AS network, toString(name) AS name, NULL AS first, groupArray(toInt64(toUnixTimestamp(start))) AS starts "
        f"FROM (SELECT network, name, start FROM weir.workloads WHERE (toString(network), toString(name)) IN ({wanted}) "
        f"AND start < toDateTime({int(span.end_s)}, 'UTC')) GROUP BY network, name) GROUP BY network, name"
    )


def ask_taken(ask: Ask, names: Iterable[str], addresses: Iterable[str], before_s: int) -> pa.Table:
    """network, name, address, start_s: since when these names have these addresses, as of `before_s`."""
    where = ", ".join(f"toIPv6({texts([address])})" for address in sorted(set(addresses)))
    return ask(
        "SELECT toString(network) AS network, toString(workload) AS name, replaceRegexpOne(toString(ip), '^::ffff:', '') AS address, "  # noqa: S608
        "toInt64(toUnixTimestamp(max(start))) AS start_s FROM (SELECT network, workload, ip, start FROM weir.ownership "
        f"WHERE ip IN ({where}) AND toString(workload) IN ({texts(names)}) AND start < toDateTime({int(before_s)}, 'UTC')) "
        "GROUP BY network, workload, ip"
    )


def ask_held(ask: Ask, names: Iterable[str], span: Span) -> pa.Table:
    """network, name, start_s, end_s: the times for which these names have had their addresses, as far as they touch the span."""
    return ask(
        "SELECT toString(network) AS network, toString(workload) AS name, toInt64(toUnixTimestamp(start)) AS start_s, "  # noqa: S608
        "intDiv(toUnixTimestamp64Micro(`end`), 1000000) AS end_s FROM (SELECT network, workload, start, `end` FROM weir.ownership "
        f"WHERE toString(workload) IN ({texts(names)}) AND start < toDateTime({int(span.end_s)}, 'UTC') "
        f"AND `end` > toDateTime({int(span.start_s)}, 'UTC')) LIMIT {ROWS}"
    )
