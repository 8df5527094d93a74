"""`weir recompute`: a span of time made anew, from what Kafka keeps and by what is known now of who held which address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from click import BadParameter, argument, option

from weir.output.stdout import write
from weir.settings.options import Run
from weir.settings.options import command as make

if TYPE_CHECKING:
    from weir.recompute import Plan
    from weir.settings.catalogue import Settings


@make("recompute")
@argument("start", metavar="FROM")
@argument("end", metavar="TO")
@option("--yes", is_flag=True, help="Do it. Without this it is only said what would be done.")
def command(run: Run, start: str, end: str, yes: bool) -> None:
    """Takes the windows from FROM to before TO out of the tables and rewinds the workers' group, so that they are made anew.

    FROM and TO are whole hours, such as 2026-01-01T09:00:00Z. Names become what is known today; whatever has not changed comes
    back as it was, once. Without --yes nothing is changed. Every worker must have been stopped; until workers have read on, the
    span is missing from the tables. weir.attributed is left as it is: its consumers keep what they were told at the time.
    Settings must be the workers'. An interrupted run is taken up by the same command.
    """
    settings = run.kafka_settings()
    start_us, end_us = _hour("FROM", start), _hour("TO", end)
    if end_us <= start_us:
        raise BadParameter("TO must be later than FROM")
    from sinks.open import open_engine
    from weir.recompute import Recompute
    from weir.settings.targets import clickhouse_url

    engine = open_engine(clickhouse_url(settings))
    try:
        recompute = Recompute(settings, engine)
        try:
            plan = recompute.plan(start_us, end_us)
            _tell(plan, settings)
            if yes:
                recompute.run(plan)
                write("Done: start the workers.")
            else:
                write("Nothing was changed: --yes does it.")
        finally:
            recompute.close()
    finally:
        engine.close()


def _hour(what: str, text: str) -> int:
    from schemas.errors import Unreadable
    from schemas.instants import parse_instant
    from weir.recompute import HOUR_US

    try:
        instant_us = parse_instant(text)
    except Unreadable as error:
        raise BadParameter(f"{what}: {error}") from None
    if instant_us % HOUR_US:
        raise BadParameter(f"{what} must be a whole hour, which every rollup can be cut at, and {text} is none")
    return instant_us


def _tell(plan: Plan, settings: Settings) -> None:
    from schemas.instants import format_instant
    from weir.output.tables import show_table

    span = f"{format_instant(plan.what.start_us)} to {format_instant(plan.what.end_us)}"
    if plan.resumed:
        write(f"Takes up the recomputation of {span} that was interrupted.")
        return
    rows = [
        (f"{o.topic}:{o.partition}", f"{p.first_offset:,}", f"{p.until_offset - p.first_offset:,}", f"{o.flows:,}", f"{o.losses:,}")
        for o, p in zip(plan.origins, plan.what.places, strict=True)
    ]
    write(f"Windows from {span}, of group {settings.group}: rows are taken out of flows, every rollup, losses and the ledger.")
    show_table(("partition", "rewound to", "messages read again", "flows made anew", "losses"), rows)
