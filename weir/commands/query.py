"""`weir query`: SQL or a filter against the tables, also while a worker or the demo holds the data directory."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from click import Choice, IntRange, UsageError, argument, option

from weir.output.stdout import write, write_lines
from weir.reading import opened_sink
from weir.settings.options import Run
from weir.settings.options import command as make

if TYPE_CHECKING:
    import pyarrow as pa

    from sinks.filter.tree import Node
    from sinks.queries.edges import Sums

TABLES = (
    ("flows", "one row a flow and window, exactly once"),
    ("flows_1m, flows_5m, flows_1h", "the same sums by minute, five minutes and hour, without addresses"),
    ("edges_5m, edges_1h, edges_1d", "who calls whom: sums by client and server, every byte once"),
    ("nodes", "which nodes there are, and in which zone and region"),
    ("workloads", "what a cluster says of its workloads: kind, namespace, labels, from when to when"),
    ("services", "which workloads stood behind a service address, from when to when"),
    ("losses", "what is known not to have been counted: where, why, how much"),
    ("ownership", "who held an address, when, and who said so"),
)
EXAMPLES = (
    "SELECT local_workload, remote_workload, sum(bytes_sent + bytes_received) AS bytes FROM weir.flows_1m"
    " WHERE canonical GROUP BY ALL ORDER BY bytes DESC LIMIT 10",
    "SELECT remote_reason, count() FROM weir.flows WHERE remote_source = 'none' GROUP BY ALL",
    "SELECT stage, reason, sum(packets), sum(bytes) FROM weir.losses GROUP BY ALL",
)
FILTERED = ("-q 'client=checkout failed>0'", "-q 'not server=dns*' --by client,server --order connections_failed --from now-6h")


@make("query")
@argument("sql", required=False)
@option("-q", "--filter", "written", metavar="FILTER", help="Sums of what the filter lets through, in place of SQL: client=web failed>0.")
@option("--by", metavar="NAMES", help="With -q: up to six dimensions, by comma.  [default: client,server,protocol,service_port]")
@option("--metrics", metavar="NAMES", help="With -q: metrics, by comma; absent: the usual ones, of which a table has the most important.")
@option("--order", metavar="METRIC", help="With -q: the largest by this metric come first.  [default: bytes]")
@option("--limit", type=IntRange(1, 5_000), help="With -q: groups; all others are one row of the table.  [default: 100]")
@option("--from", "start", metavar="INSTANT", help="With -q: RFC 3339, UNIX seconds or now-6h.  [default: now-15m]")
@option("--to", "end", metavar="INSTANT", help="With -q: the end, not included.  [default: now]")
@option("--view", type=Choice(("canonical", "both")), help="With -q: every byte once, or as each end counted it.  [default: canonical]")
@option("--format", "form", type=Choice(("table", "json", "csv")), default="table", show_default=True, help="json is one object a line.")
def command(run: Run, sql: str | None, form: str, **asked: Any) -> None:
    """Runs SQL on the tables of WEIR_CLICKHOUSE_URL and prints what it returns; or sums what a filter lets through, as the console does.

    SQL that is absent or '-' is read from stdin; on a terminal, the tables and some examples are shown instead. A table ends
    after 10,000 rows and says so; json and csv hold every row. Filters are described in docs/filter.md.
    """
    given = {name: value for name, value in asked.items() if value is not None}
    if sql is not None and given:
        raise UsageError("SQL and -q or its options are two ways to ask: leave one out")
    if given:
        return _sums(run, form, given)
    text = _read(sql)
    if not text.strip():
        return _show_examples()
    with opened_sink(run.settings()) as sink:
        result = sink.query(text)
    print_result(result, form)


def _sums(run: Run, form: str, given: Mapping[str, Any]) -> None:
    from sinks.filter.tree import joined
    from sinks.queries.edges import ask_sums
    from sinks.queries.excluded import excluding_sums
    from sinks.queries.status import ask_completeness, ask_oldest
    from weir.output.sums import said_of, show_sums
    from weir.query_options import filter_parts

    terms = filter_parts(given.get("written", ""))
    question = _question(given, form, joined(terms), run.settings().window_seconds)
    with opened_sink(run.settings()) as sink:
        answer = ask_sums(sink.query, question, ask_oldest(sink.query))
        excluding = () if answer.groups else excluding_sums(sink.query, question, terms, None, answer.plan.pieces)
        complete = ask_completeness(sink.query)
    if form == "table":
        show_sums(answer)
    else:
        print_result(answer.rows, form)
    sys.stderr.write(f"{said_of(answer, complete, excluding)}\n")


def _question(given: Mapping[str, Any], form: str, tree: Node | None, window_s: int) -> Sums:
    """Now is the start of the window that is under way."""
    from sinks.queries import metrics as known
    from sinks.queries.edges import BY, Sums
    from weir import query_options
    from weir.output.sums import METRICS

    now_s = int(time.time()) // window_s * window_s
    return Sums(
        query_options.read_span(given.get("start", "now-15m"), given.get("end", "now"), now_s),
        query_options.dimensions(given["by"]) if "by" in given else BY,
        query_options.metrics(given.get("metrics", ""), METRICS if form == "table" else known.DEFAULT),
        tree,
        query_options.order(given.get("order", "bytes")),
        given.get("limit", 100),
        given.get("view", "canonical"),
    )


def _read(sql: str | None) -> str:
    if sql is not None and sql != "-":
        return sql
    return "" if sql is None and sys.stdin.isatty() else sys.stdin.read()


def print_result(result: pa.Table, form: str) -> None:
    from weir.output import results

    if form == "table":
        _print_table(result)
        return
    write_lines(results.json_lines(result) if form == "json" else results.csv_lines(result))


def _print_table(result: pa.Table) -> None:
    from weir.output import results
    from weir.output.tables import show_table

    if not result.num_columns:
        return
    shown = result.slice(0, results.TABLE_ROWS)
    show_table(result.column_names, ([results.text(value) for value in row] for row in results.rows(shown)), results.numeric(result))
    if result.num_rows > shown.num_rows:
        sys.stderr.write(f"{result.num_rows - shown.num_rows:,} more rows are not shown: use --format csv or json, or a LIMIT.\n")


def _show_examples() -> None:
    from weir.output.tables import show_table

    show_table(("table", "holds"), TABLES)
    write("\nTry:")
    for example in EXAMPLES:
        write(f'  weir query "{example}"')
    for filtered in FILTERED:
        write(f"  weir query {filtered}")
