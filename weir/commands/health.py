"""`weir health`."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from click import Choice, IntRange, UsageError, option

from weir.settings.options import Run
from weir.settings.options import command as make

if TYPE_CHECKING:
    from sinks.queries.spans import Span
    from streams.insights.health.ranking import Ill

_SHOWN = ("rank", "severity", "signal", "since", "until", "fault", "sentence")
"""The sentence has the ends and the figures; json has all."""


@make("health")
@option("-q", "--filter", "written", default="", metavar="FILTER", help="Only edges that the filter lets through: namespace=pay.")
@option("--since", metavar="DISTANCE", help="So long before the end, in place of --from: 1h, 30m.  [default: 1h]")
@option("--from", "start", metavar="INSTANT", help="RFC 3339, UNIX seconds or now-6h.")
@option("--to", "end", default="now", metavar="INSTANT", show_default=True, help="The end, not included.")
@option("--limit", type=IntRange(1, 5_000), default=100, show_default=True, help="Findings, the worst of them.")
@option("--format", "form", type=Choice(("table", "json")), default="table", show_default=True, help="json is one object a line.")
def command(run: Run, written: str, since: str | None, start: str | None, end: str, limit: int, form: str) -> None:
    """Which edges do worse than at the same hour of past weeks, by harm: failures, resets, retransmits, slow times, silence.

    What is judged are whole five minutes, six hours of them at most. docs/answers.md says by which rules, and what cannot be known.
    """
    from sinks.queries.status import ask_completeness, ask_oldest
    from weir.answers.health import HealthQuestion, health
    from weir.output.sums import instant
    from weir.query_options import read_filter
    from weir.reading import opened_engine

    if since and start:
        raise UsageError("--since and --from both say where to begin: leave one out")
    where = read_filter(written)
    window_s = run.settings().window_seconds
    span = _span(since, start, end, int(time.time()) // window_s * window_s)
    with opened_engine(run.settings()) as engine:
        complete = ask_completeness(engine.ask)
        found = health(engine.ask, ask_oldest(engine.ask), HealthQuestion(span, complete.until_s, where, limit))
    _show(found.ills, form)
    judged = found.plan.span
    until = instant(min(complete.until_s, span.end_s)) if complete.until_s else "no time: no node has reported"
    said = [f"{instant(judged.start_s)} to {instant(judged.end_s)}, complete until {until}, from {', '.join(found.plan.tables)}."]
    said += found.plan.warnings
    if found.found > len(found.ills):
        said.append(f"{found.found - len(found.ills):,} more findings are not shown: use --limit.")
    elif not found.found and judged.seconds:
        said.append("Nothing does worse than usual.")
    sys.stderr.write(f"{' '.join(said)}\n")


def _span(since: str | None, start: str | None, end: str, now_s: int) -> Span:
    from weir.answers.path_ends import read_length
    from weir.query_options import read_instant, read_span

    if start:
        return read_span(start, end, now_s)
    end_s = read_instant("to", end, now_s)
    return read_span(str(max(0, end_s - read_length("since", since or "1h"))), str(end_s), now_s)


def _show(ills: tuple[Ill, ...], form: str) -> None:
    """Prints to stdout; a table has a sentence a finding beside it."""
    from weir.answers.shown_health import table_of
    from weir.output import results
    from weir.output.stdout import write_lines
    from weir.output.tables import show_table

    rows = table_of(ills)
    if form == "json":
        return write_lines(results.json_lines(rows))
    shown = rows.select(_SHOWN)
    show_table(_SHOWN, ([results.text(value) for value in row] for row in results.rows(shown)), results.numeric(shown))
