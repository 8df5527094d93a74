"""`weir cost`: what transfer costs, an estimate."""

from __future__ import annotations

import sys
import time

from click import Choice, IntRange, UsageError, option

from weir.settings.options import Run
from weir.settings.options import command as make


@make("cost")
@option("--from", "start", metavar="INSTANT", help="RFC 3339, UNIX seconds or now-6h.  [default: the start of the month, UTC]")
@option("--to", "end", metavar="INSTANT", default="now", show_default=True, help="The end, not included.")
@option("--since", metavar="DURATION", help="In place of --from: 24h, 7d.")
@option(
    "--by", metavar="NAMES", default="client,server", show_default=True, help="Up to six dimensions, by comma; class: none but the class."
)
@option("-q", "--filter", "written", metavar="FILTER", default="", help="What to reckon: client=web zone=eu-1a.")
@option("--limit", type=IntRange(1, 5_000), default=30, show_default=True, help="Lines; all others are one.")
@option("--format", "form", type=Choice(("table", "json")), default="table", show_default=True, help="json is one object.")
def command(run: Run, start: str | None, end: str, since: str | None, by: str, written: str, limit: int, form: str) -> None:
    """What transfer costs by class, by the price table of WEIR_PRICES_FILE, and where it could cost less. An estimate, never the bill.

    What has no price is shown without one. docs/answers.md says what is known, and the form of a price table.
    """
    if start is not None and since is not None:
        raise UsageError("--from and --since are two ways to say where it begins: leave one out")
    from sinks.queries.status import ask_completeness, ask_lost, ask_oldest
    from weir.answers.cost import CostQuestion, cost, read_by, read_cost_span
    from weir.answers.price_file import read_prices
    from weir.output import costs
    from weir.output.results import text
    from weir.output.stdout import write
    from weir.query_options import read_filter
    from weir.reading import opened_engine

    settings = run.settings()
    prices = read_prices(settings.prices_file)
    now_s = int(time.time()) // settings.window_seconds * settings.window_seconds
    span = read_cost_span(start if since is None else f"now-{since}", end, now_s)
    names, where = read_by(by), read_filter(written)
    with opened_engine(settings) as engine:
        complete = ask_completeness(engine.ask)
        found = cost(engine.ask, ask_oldest(engine.ask), prices, CostQuestion(span, names, where, limit, complete.until_s))
        lost = ask_lost(engine.ask, found.plan.span)
    if form == "json":
        write(text(costs.document(found, names)))
    else:
        costs.show(found, names)
    sys.stderr.write(f"{costs.said_of(found, complete.until_s, lost)}\n")
