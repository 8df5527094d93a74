"""`weir findings`: what the detector has found."""

from __future__ import annotations

import sys
import time

from click import Choice, IntRange, option

from weir.reading import opened_engine
from weir.settings.options import Run
from weir.settings.options import command as make

COLUMNS = ("severity", "state", "kind", "subject", "peer", "service_port", "first_seen", "last_seen", "count", "sentence")
"""What fits onto a terminal; json has all."""


@make("findings")
@option("--state", type=Choice(("open", "closed", "all")), default="open", show_default=True, help="As they are now.")
@option("--kind", default="", metavar="NAMES", help="Kinds, by comma; absent: all.")
@option("--since", default="7d", show_default=True, metavar="TIME", help="What was open then or later: 30m, 6h, 7d, or an instant.")
@option("-q", "--filter", "written", default="", metavar="FILTER", help="By client (the subject), server (the peer), namespace, port.")
@option("--limit", type=IntRange(1, 5_000), default=100, show_default=True, help="Open ones come first, then by severity.")
@option("--format", "form", type=Choice(("table", "json")), default="table", show_default=True, help="json is one object a line.")
def command(run: Run, state: str, kind: str, since: str, written: str, limit: int, form: str) -> None:
    """What the detector has found: open findings first, the gravest of them first.

    A finding's subject is the client of the filter, its peer the server. docs/answers.md says what each kind means.
    """
    from sinks.queries.findings import unknown_words
    from sinks.queries.status import ask_completeness
    from weir.answers.findings import KINDS, Asked, ask_shown
    from weir.commands.query import print_result
    from weir.output.sums import instant
    from weir.query_options import BadParameter, check_known, listed, read_filter, read_span

    wanted, kinds = read_filter(written), tuple(dict.fromkeys(listed(kind)))
    for name in kinds:
        check_known("kind", name, list(KINDS))
    if unknown := unknown_words(wanted):
        raise BadParameter("q", f"A finding has no {unknown[0]}: filter by client, server, their namespaces, port or network.")
    span = read_span(f"now-{since}" if since[:1].isdigit() and since[-1:] in "smhdw" else since, "now", int(time.time()))
    with opened_engine(run.settings()) as engine:
        rows = ask_shown(engine.ask, Asked(span, state, kinds, wanted, None, limit))  # type: ignore[arg-type]
        complete = ask_completeness(engine.ask)
    print_result(rows.select(list(COLUMNS)) if form == "table" else rows, form)
    until = instant(complete.until_s) if complete.until_s else "no time: no node has reported"
    nothing = "" if rows.num_rows else " Nothing is there."
    sys.stderr.write(f"{instant(span.start_s)} to {instant(span.end_s)}, complete until {until}, from findings.{nothing}\n")
