"""`weir path`: one path's verdict, and an exit status that a script can act on."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from click import Choice, UsageError, argument, option

from weir.output.stdout import write
from weir.settings.options import Run
from weir.settings.options import command as make

if TYPE_CHECKING:
    from sinks.queries.spans import Span
    from weir.answers.path import Path

ROWS_SHOWN = 20


@make("path")
@argument("client")
@argument("server", metavar="SERVER[:PORT]")
@option("--protocol", default="tcp", show_default=True, help="tcp, udp, ...")
@option("--since", metavar="TIME", help="So long before the end, such as 15m.  [default: 1h]")
@option("--at", metavar="INSTANT", help="The end: RFC 3339, UNIX seconds or now-6h.  [default: now]")
@option("--from", "start", metavar="INSTANT", help="The start, in place of --since.")
@option("--to", "end", metavar="INSTANT", help="The end, not included: the same as --at.")
@option("-q", "--filter", "written", metavar="FILTER", default="", help="Only what the filter lets through: zone=eu-1a.")
@option("--format", "form", type=Choice(("table", "json")), default="table", show_default=True, help="json is one object.")
def command(
    run: Run, client: str, server: str, protocol: str, since: str | None, at: str | None, start: str | None, end: str | None,
    written: str, form: str,
) -> int:  # fmt: skip
    """Whether CLIENT reaches SERVER, from what its connections did: nothing is sent. CLIENT is a workload; SERVER a workload, a service,
    a domain, an address or a prefix.

    Status 0: works, or established. 1: failing, broke, flaky. 3: it is not known, also where nobody tried (no_attempts), nothing is decided
    yet (pending), or the tables cannot be asked. Only 0 proves the path; only 1 says that it is not as it should be.
    """
    from sinks.queries.status import ask_oldest
    from weir.answers.path import PathQuestion, path
    from weir.answers.path_ends import read_ends
    from weir.checks import checked
    from weir.query_options import read_filter
    from weir.reading import opened_engine

    settings = run.settings()
    span = _span(since, at, start, end, int(time.time()) // settings.window_seconds * settings.window_seconds)
    question = PathQuestion(read_ends(client, server, protocol), span, read_filter(written))

    def find() -> Path:
        with opened_engine(settings) as engine:
            return path(engine.ask, ask_oldest(engine.ask), question)

    return checked(find, _show_json if form == "json" else _show, lambda found: found.verdict.ok)


def _span(since: str | None, at: str | None, start: str | None, end: str | None, now_s: int) -> Span:
    from weir.answers.path_ends import read_length
    from weir.query_options import read_instant, read_span

    if (at and end) or (since and start):
        raise UsageError("--at and --to are the same, and --since and --from say one thing in two ways: leave one out")
    until = at or end or "now"
    if start:
        return read_span(start, until, now_s)
    end_s = read_instant("to", until, now_s)
    return read_span(str(max(0, end_s - read_length("since", since or "1h"))), str(end_s), now_s)


def _show(found: Path) -> None:
    from weir.answers.path_object import evidence_columns
    from weir.output.tables import printable, show_table

    write(f"{found.verdict.word}\n{printable(found.sentence)}")
    for reason in found.reasons:
        write(f"  {printable(reason)}")
    columns = evidence_columns(found)
    if found.evidence.num_rows:
        write("")
        rows = [["" if value is None else str(value) for value in row] for row in zip(*columns.values(), strict=True)]
        show_table([name.replace("_", " ") for name in columns], rows[:ROWS_SHOWN], [name in _NUMBERS for name in columns])
        if len(rows) > ROWS_SHOWN:
            sys.stderr.write(f"{len(rows) - ROWS_SHOWN:,} more rows are not shown: use --format json.\n")
    _tell(found)


_NUMBERS = ("opened", "failed", "refused", "timed_out", "bytes")


def _show_json(found: Path) -> None:
    import orjson

    from weir.answers.path_object import as_object

    write(orjson.dumps(as_object(found)).decode())
    _tell(found)


def _tell(found: Path) -> None:
    from weir.output.sums import instant

    span = found.answered
    sys.stderr.write(f"{instant(span.start_s)} to {instant(span.end_s)}, from {', '.join(found.plan.tables)}.\n")
