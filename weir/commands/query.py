"""`weir query`: SQL against the tables, also while a worker or the demo holds the data directory."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from click import Choice, argument, option

from weir.output.stdout import write, write_lines
from weir.settings.options import Run
from weir.settings.options import command as make

if TYPE_CHECKING:
    import pyarrow as pa

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


@make("query")
@argument("sql", required=False)
@option("--format", "form", type=Choice(("table", "json", "csv")), default="table", show_default=True, help="json is one object a line.")
def command(run: Run, sql: str | None, form: str) -> None:
    """Runs SQL on the tables of WEIR_CLICKHOUSE_URL and prints what it returns.

    SQL that is absent or '-' is read from stdin; on a terminal, the tables and some examples are shown instead. A table ends
    after 10,000 rows and says so; json and csv hold every row.
    """
    text = _read(sql)
    if not text.strip():
        return _show_examples()
    from sinks.open import open_sink
    from weir.settings.targets import reading_url

    sink = open_sink(reading_url(run.settings()), read_only=True)
    try:
        result = sink.query(text)
    finally:
        sink.close()
    print_result(result, form)


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
