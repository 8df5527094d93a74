"""`weir segments`: roles, policies for them, and what these would cut."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from click import Choice, UsageError, option
from click import Path as PathType

from weir.settings.options import Run
from weir.settings.options import command as make

if TYPE_CHECKING:
    from sinks.queries.spans import Span
    from weir.answers.segments import Segmentation

ROWS_SHOWN = 30
_ROLES = ("role", "label", "members", "confidence")
_EDGES = ("from", "to", "protocol", "service_port", "connections", "bytes", "last_seen")
_CUT = ("client", "server", "protocol", "service_port", "connections", "bytes", "last_seen")
_NUMBERS = ("confidence", "service_port", "connections", "bytes")


@make("segments")
@option("--since", metavar="DURATION", help="So long before the end, such as 7d.  [default: 7d]")
@option("--from", "start", metavar="INSTANT", help="The start, in place of --since: RFC 3339, UNIX seconds or now-6h.")
@option("--to", "end", metavar="INSTANT", default="now", show_default=True, help="The end, not included.")
@option(
    "--check-from", metavar="INSTANT", help="Learn up to here, and put to the policies what came afterwards.  [default: what was learned]"
)
@option("-q", "--filter", "written", metavar="FILTER", default="", help="Of what: namespace=shop.")
@option("--policy", type=Choice(("kubernetes", "cilium", "calico")), help="Print policies of this kind.  [default: roles alone]")
@option("--selectors", type=PathType(path_type=Path), metavar="FILE", help="TOML: labels of workloads, ranges, what is always allowed.")
@option("--exact", is_flag=True, help="Allow nothing beyond what was seen; absent: a role may do what most of its members do.")
@option("--out", type=PathType(path_type=Path), metavar="FILE", help="Write the policies there in place of stdout.")
@option("--format", "form", type=Choice(("table", "json")), default="table", show_default=True, help="json is one object.")
def command(
    run: Run, since: str | None, start: str | None, end: str, check_from: str | None, written: str, policy: str | None,
    selectors: Path | None, exact: bool, out: Path | None, form: str,
) -> None:  # fmt: skip
    """Roles from who talks to whom, policies that allow what was seen, and what these would cut. Nothing is applied.

    With --policy, stdout has the policies, as `kubectl apply -f -` takes them, and stderr what they lack; docs/answers.md has the form of
    a file of selectors.
    """
    if out is not None and policy is None:
        raise UsageError("--out is where policies go: say of which kind with --policy")
    from dataclasses import replace

    from sinks.queries.status import ask_oldest
    from weir.answers.segments import SegmentsQuestion, ranges_of, segments
    from weir.answers.selectors_file import Given, read_selectors
    from weir.query_options import read_filter
    from weir.reading import opened_engine
    from weir.settings.cidrs import parse_cidrs

    settings = run.settings()
    now_s = int(time.time()) // settings.window_seconds * settings.window_seconds
    span, check = _spans(since, start, end, check_from, now_s)
    given = read_selectors(selectors) if selectors else Given()
    given = replace(given, ranges=ranges_of(parse_cidrs(settings.cidrs), given.ranges))
    question = SegmentsQuestion(span, read_filter(written), policy or "none", exact, check, given)  # type: ignore[arg-type]
    with _uncollected(), opened_engine(settings) as engine:
        found = segments(engine.ask, ask_oldest(engine.ask), question)
    _show(found, out, form)
    sys.stderr.write(f"{_said(found)}\n")


@contextmanager
def _uncollected() -> Iterator[None]:
    """What an answer makes lives until it is shown: looking for garbage among it takes a tenth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _spans(since: str | None, start: str | None, end: str, check_from: str | None, now_s: int) -> tuple[Span, Span | None]:
    """What is learned from, and what is put to the policies."""
    from sinks.queries.spans import Span
    from weir.answers.path_ends import read_length
    from weir.query_options import BadParameter, read_instant, read_span

    if since and start:
        raise UsageError("--since and --from say one thing in two ways: leave one out")
    end_s = read_instant("to", end, now_s)
    span = read_span(start or str(max(0, end_s - read_length("since", since or "7d"))), str(end_s), now_s)
    if check_from is None:
        return span, None
    check_s = read_instant("check-from", check_from, now_s)
    if not span.start_s < check_s < span.end_s:
        raise BadParameter("check-from", f"check-from={check_from} is not within the span: learn before it, and check what came after it.")
    return Span(span.start_s, check_s), Span(check_s, span.end_s)


def _show(found: Segmentation, out: Path | None, form: str) -> None:
    from weir.answers.segments_object import as_object
    from weir.output.results import text
    from weir.output.stdout import write

    if out is not None and found.manifests is not None:
        _write(out, found.manifests)
    if form == "json":
        write(text(as_object(found)))
    elif found.manifests is not None and out is None:
        write(found.manifests.rstrip("\n"))
    else:
        _show_tables(found)


def _write(out: Path, manifests: str) -> None:
    from schemas.errors import WeirError

    try:
        out.write_text(manifests)
    except OSError as error:
        raise WeirError(f"--out {out} cannot be written ({error.strerror}): name a file in a folder that this user may write to.") from None


def _show_tables(found: Segmentation) -> None:
    from weir.answers.segments_object import as_object
    from weir.output.stdout import write

    shown = as_object(found)
    shown["roles"]["members"] = [_few(members) for members in shown["roles"]["members"]]
    for title, names in (("roles", _ROLES), ("edges", _EDGES), ("cut", _CUT)):
        write(f"\n{title}" if title != "cut" else "\nwould be cut")
        _show_columns(shown[title], names)


def _show_columns(columns: dict[str, list[object]], names: tuple[str, ...]) -> None:
    from weir.output.tables import show_table

    rows = [[_cell(value) for value in row] for row in zip(*(columns[name] for name in names), strict=True)]
    show_table([name.replace("_", " ") for name in names], rows[:ROWS_SHOWN], [name in _NUMBERS for name in names])
    if len(rows) > ROWS_SHOWN:
        sys.stderr.write(f"{len(rows) - ROWS_SHOWN:,} more rows are not shown: use --format json.\n")


def _few(members: list[str]) -> str:
    return ", ".join(members[:3]) + (f" and {len(members) - 3:,} more" if len(members) > 3 else "")


def _cell(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def _said(found: Segmentation) -> str:
    """What they lack stands first."""
    from weir.output.sums import instant
    from weir.output.tables import printable

    cut = sum(call.connections for call in found.cut)
    said = [printable(need) for need in found.needs]
    said.append(f"{len(found.policies):,} policies would cut {len(found.cut):,} of {found.checked:,} edges, {cut:,} connections.")
    span = found.plan.span
    said.append(" ".join([f"{instant(span.start_s)} to {instant(span.end_s)}, from {', '.join(found.plan.tables)}.", *found.plan.warnings]))
    return "\n".join(said)
