"""`weir migrate`: creates or upgrades the ClickHouse tables."""

from __future__ import annotations

from click import option

from weir.output.stdout import write
from weir.settings.options import Run
from weir.settings.options import command as make


@make("migrate")
@option("--check", is_flag=True, help="Only report: status 0 if nothing is left to apply, 1 otherwise.")
def command(run: Run, check: bool) -> int:
    """Creates or upgrades the ClickHouse tables. Safe to repeat, and to run twice at once."""
    from sinks.carry_over import said_of
    from sinks.open import open_sink
    from weir.settings.targets import clickhouse_url

    sink = open_sink(clickhouse_url(run.settings()), read_only=check)
    try:
        names = sink.pending() if check else sink.migrate()
        to_carry = sink.rows_to_carry() if check else 0
    finally:
        sink.close()
    for name in names:
        write(f"{name}: {'not applied' if check else 'applied'}")
    if to_carry:
        write(f"The tables of edges lack {said_of(to_carry)}. Workers can write meanwhile.")
    if not names:
        write("The tables are up to date.")
    return 1 if check and names else 0
