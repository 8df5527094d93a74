"""What each path answers: parameters in, a table and what is said of it out. The road from a parameter to a question, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from schemas.errors import WeirError
from schemas.instants import format_instant
from sinks.filter.complete import offered, place
from sinks.filter.fields import ALIASES, FIELDS
from sinks.filter.parse import parse, parts
from sinks.filter.sql import split
from sinks.filter.tree import Node, Not, Term, both, joined, text, word_text
from sinks.queries.edges import BEFORE, Answer, Ask, Sums, ask_sums
from sinks.queries.excluded import excluding_flows, excluding_sums
from sinks.queries.flows import Place, ask_flows
from sinks.queries.losses import ask_losses
from sinks.queries.metrics import DEFAULT
from sinks.queries.names import ask_names
from sinks.queries.series import STEPS_S, ask_series, auto_step
from sinks.queries.spans import FLOWS, Piece, Plan, Span, plan
from sinks.queries.status import Lost
from streams.insights import comparing
from streams.insights.failing import fails
from streams.insights.folding import Asked, fold
from weir.api import parameters as p
from weir.api.formats import exact, json_columns
from weir.api.problems import bad_parameter
from weir.api.tables import Tables
from weir.api.version import VERSION
from weir.query_options import UNITS_S, dimensions, metrics, order, read_other_time, read_span

MICRO = 1_000_000


@dataclass(frozen=True)
class Reply:
    """`meta` is what JSON says beside the data."""

    rows: pa.Table
    meta: Mapping[str, Any]


@dataclass(frozen=True)
class Document:
    """An answer that is no table. It is JSON, whatever is asked for."""

    data: Mapping[str, Any]
    meta: Mapping[str, Any]


class Recorded:
    """Asks, and remembers the last statement."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self.sql = ""

    def __call__(self, sql: str) -> pa.Table:
        self.sql = sql
        return self._ask(sql)


def edges(tables: Tables, scope: Node | None, asked: p.EdgesParameters) -> Reply:
    span = span_of(tables, asked)
    before = _before(tables, span, asked.compare)
    chosen = metrics(asked.metrics, DEFAULT)
    question = Sums(
        span,
        dimensions(asked.by),
        tuple(dict.fromkeys((*chosen, *comparing.SUMS))) if before else chosen,
        both(parse(asked.q), scope),
        order(asked.order),
        asked.limit,
        asked.view,
        before,
    )
    answer = ask_sums(tables.asker(_hull(span, before)), question, tables.oldest())
    rows = answer.rows
    if before:
        shown = [*question.by, *chosen, *(f"{BEFORE}{name}" for name in chosen)]
        rows = rows.select(shown).append_column("status", pa.array(comparing.statuses(rows, BEFORE), pa.string()))
    meta = {**said_of(tables, answer.plan, answer.sql), **sums_meta(answer), **_before_meta(tables, answer)}
    return Reply(rows, {**meta, **_excluded(tables, scope, asked.q, question, answer)})


def series(tables: Tables, scope: Node | None, asked: p.SeriesParameters) -> Reply:
    span = span_of(tables, asked)
    step_s = auto_step(tables.seldom, span) if asked.step == "auto" else _step(asked.step)
    question = Sums(
        span,
        dimensions(asked.by),
        metrics(asked.metrics, DEFAULT),
        both(parse(asked.q), scope),
        order(asked.order),
        asked.limit,
        asked.view,
    )
    answer = ask_series(tables.asker(span), question, step_s, tables.oldest())
    return Reply(answer.rows, {**said_of(tables, answer.plan, answer.sql), "step": step_s})


def span_of(tables: Tables, asked: p.Ranged) -> Span:
    return read_span(asked.from_, asked.to, tables.now_s())


def said_of(tables: Tables, planned: Plan, sql: str) -> dict[str, Any]:
    """What every answer over a span says: which tables, how complete, what was lost, and the statement."""
    lost = tables.lost(planned.span)
    complete = tables.completeness()
    return {
        "from": instant(planned.span.start_s),
        "to": instant(planned.span.end_s),
        "table": ",".join(planned.tables),
        "step": None,
        "complete_until": instant(min(complete.until_s, planned.span.end_s)) if complete.until_s else None,
        "lost": lost_columns(lost),
        "unnamed": None,
        "other": {},
        "total": {},
        "sql": sql,
        "warnings": list(planned.warnings),
        "generation": tables.generation().of(planned.span),
    }


def lost_columns(lost: Lost) -> dict[str, int | str]:
    return {name: exact(value) for name, value in (("flows", lost.flows), ("packets", lost.packets), ("bytes", lost.bytes))}


def sums_meta(answer: Answer) -> dict[str, Any]:
    total = _row(answer.total)
    whole = total.get("bytes") or 0
    return {
        "unnamed": answer.unnamed_bytes / whole if whole else None,
        "other": _row(answer.other),
        "total": total,
        "groups": answer.groups,
    }


def instant(seconds: int) -> str:
    return format_instant(seconds * MICRO)


def _excluded(tables: Tables, scope: Node | None, q: str, question: Sums, answer: Answer) -> dict[str, list[str]]:
    """Of an empty answer: the terms of `q`, by their text as `/parse` has it, that leave nothing."""
    if answer.groups or not q:
        return {}
    terms = [part.node for part in parts(q)]
    found = excluding_sums(tables.asker(answer.plan.span), question, terms, scope, answer.plan.pieces)
    return {"excluded": [text(node) for node in found]}


def _row(table: pa.Table) -> dict[str, Any]:
    return {name: values[0] for name, values in json_columns(table).items()}


def _step(text: str) -> int:
    digits, unit = (text[:-1], text[-1]) if text[-1:] in UNITS_S else (text, "s")
    seconds = int(digits) * UNITS_S[unit] if digits.isascii() and digits.isdigit() else 0
    if seconds not in STEPS_S:
        raise bad_parameter("step", f"step={text} is not taken: use auto, 1s, 10s, 1m, 5m, 15m, 1h, 6h or 1d.")
    return seconds


PAIR_LIMIT = 50_000
FAILING = "failing_pairs"
"""Of the pairs of an edge or a shape, how many fail. A pair is of one port: a dead one beside a busy one is seen."""
PAIR_SUMS = (
    "bytes", "bytes_sent", "bytes_received", "connections_opened", "connections_failed", "connections_refused", "connections_timed_out",
    "connections_reset", "retransmits", "packets", "rtt_us_sum", "rtt_count",
)  # fmt: skip


def groups(tables: Tables, scope: Node | None, asked: p.GroupsParameters) -> Document:
    """The pairs of both times are joined before they are folded: a shape stands for the same ends at both."""
    span = span_of(tables, asked)
    before = _before(tables, span, asked.compare)
    where = both(parse(asked.q), scope)
    by = ("client", "server", "domain", "reason", "service_port") + (("client_zone", "server_zone") if asked.fold == "zone" else ())
    question = Sums(span, by, PAIR_SUMS, where, "bytes", PAIR_LIMIT, before=before)
    answer = ask_sums(tables.asker(_hull(span, before)), question, tables.oldest())
    prefixes = ("", BEFORE) if before else ("",)
    sums = tuple(f"{prefix}{name}" for prefix in prefixes for name in PAIR_SUMS)
    shapes = Asked(asked.fold, frozenset(asked.open.split(",")) - {""}, asked.limit, tuple(f"{prefix}bytes" for prefix in prefixes))
    left_out = {"pairs": answer.groups - answer.rows.num_rows, **answer.other.select(sums).to_pylist()[0], FAILING: 0}
    folded = fold(answer.rows.append_column(FAILING, fails(answer.rows)), (*sums, FAILING), shapes, left_out)
    meta = {**said_of(tables, answer.plan, answer.sql), **sums_meta(answer), **_before_meta(tables, answer)}
    meta |= {"fold": folded.fold, "rest": _row(folded.rest), "other": _row(folded.rest.select(sums))}
    meta |= _excluded(tables, scope, asked.q, question, answer)
    return Document({"nodes": _compared(folded.nodes, before), "edges": _compared(folded.edges, before)}, meta)


def _compared(table: pa.Table, before: Span | None) -> dict[str, list[Any]]:
    return {**json_columns(table), **({"status": comparing.statuses(table, BEFORE)} if before else {})}


def _before(tables: Tables, span: Span, compare: str) -> Span | None:
    """The other time: as long as the span."""
    if not compare:
        return None
    start_s = read_other_time("compare", compare, span.start_s, tables.now_s())
    return Span(start_s, start_s + span.seconds)


def _hull(span: Span, before: Span | None) -> Span:
    return span if before is None else Span(min(span.start_s, before.start_s), max(span.end_s, before.end_s))


def _before_meta(tables: Tables, answer: Answer) -> dict[str, Any]:
    if answer.before is None:
        return {}
    said = said_of(tables, answer.before, "")
    return {"before": {name: said[name] for name in ("from", "to", "table", "complete_until", "lost")}, "warnings": list(answer.warnings)}


def status(tables: Tables, scope: Node | None, asked: p.Documents) -> Document:
    complete = tables.completeness()
    hour = Span(max(0, complete.newest_s - 3_600), complete.newest_s)
    lost = tables.lost(hour) if complete.newest_s else Lost(0, 0, 0)
    versions: dict[str, int] = {}
    for node in complete.nodes:
        versions[node.version] = versions.get(node.version, 0) + 1
    found = {
        "now": instant(tables.now_s()),
        "complete_until": instant(complete.until_s) if complete.until_s else None,
        "newest": instant(complete.newest_s) if complete.newest_s else None,
        "window_seconds": complete.window_s,
        "nodes": {
            "known": len(complete.nodes),
            "reporting": len(complete.nodes) - len(complete.silent),
            "silent": [node.name for node in complete.silent] if scope is None else None,
        },
        "lost": lost_columns(lost),
        "agents": versions,
        "tables": {name: {"oldest": instant(oldest)} for name, oldest in tables.oldest().items()},
        "version": VERSION,
        "generation": tables.generation().state,
    }
    return Document(found, {})


def fields(tables: Tables, scope: Node | None, asked: p.FieldsParameters) -> Reply:
    aliases = {name: alias for alias, name in ALIASES.items()}
    rows = [
        {
            "name": one.name, "alias": aliases.get(one.name), "kind": one.kind, "meaning": one.meaning, "metric": one.is_metric,
            "ends": list(one.ends), "words": list(one.words),
        }
        for one in FIELDS.values()
    ]  # fmt: skip
    return Reply(pa.Table.from_pylist(rows), {})


def parsed(tables: Tables, scope: Node | None, asked: p.ParseParameters) -> Document:
    """`terms`: what stands side by side in `q`, with its shortest text and its place; `field`: of the only term in it."""
    found = parts(asked.q)
    tree = joined([part.node for part in found])
    split(tree)
    terms = [{"text": text(part.node), "start": part.place[0], "end": part.place[1], "field": _field(part.node)} for part in found]
    return Document({"text": "" if tree is None else text(tree), "terms": terms}, {})


def _field(node: Node) -> str | None:
    leaf = node.part if isinstance(node, Not) else node
    return leaf.field if isinstance(leaf, Term) else None


def complete(tables: Tables, scope: Node | None, asked: p.CompleteParameters) -> Document:
    caret = len(asked.q) if asked.at is None else min(asked.at, len(asked.q))
    at = place(asked.q, caret)
    rows: list[dict[str, Any]] = [{"text": word, "meaning": meaning, "bytes": None} for word, meaning in offered(at)]
    if at.wanted == "value" and at.field is not None and at.field.kind in ("name", "port"):
        span = span_of(tables, asked)
        found = ask_names(tables.asker(span), span, at.field.name, at.part, scope, asked.limit, tables.oldest())
        rows = [{"text": word_text(row["name"]), "meaning": "", "bytes": row["bytes"]} for row in found.to_pylist()]
    return Document({"start": at.start, "end": at.end, "wanted": at.wanted, "candidates": rows[: asked.limit]}, {})


def flows(tables: Tables, scope: Node | None, asked: p.FlowsParameters) -> Reply:
    planned = plan(span_of(tables, asked), FLOWS, tables.oldest())
    span = planned.span
    after = _cursor(asked.cursor) if asked.cursor else None
    page = ask_flows(tables.asker(span), span, both(parse(asked.q), scope), asked.view, asked.limit, after)
    following = None if page.after is None else p.write_cursor(page.after)
    meta = {**said_of(tables, planned, page.sql), "next": following}
    if asked.q and not asked.cursor and not page.rows.num_rows:
        terms = [part.node for part in parts(asked.q)]
        meta["excluded"] = [text(node) for node in excluding_flows(tables.asker(span), span, terms, scope, asked.view)]
    return Reply(page.rows, meta)


def losses(tables: Tables, scope: Node | None, asked: p.LossesParameters) -> Reply:
    span = span_of(tables, asked)
    by, warnings = p.loss_dimensions(asked.by), []
    if asked.q:
        warnings.append("A loss has no ends that a filter could speak of: these are all of the span.")
    if scope is not None and "node" in by:
        by = tuple(name for name in by if name != "node")
        warnings.append("The names of nodes are outside of your scope: their losses are summed.")
    step_s = auto_step(tables.seldom, span) if asked.step == "auto" else _step(asked.step)
    ask = Recorded(tables.asker(span))
    rows = ask_losses(ask, span, by, step_s, asked.limit)
    told = said_of(tables, Plan((Piece("losses", span),), span, tuple(warnings)), ask.sql)
    return Reply(rows, {**told, "step": step_s if "step" in by else None})


def _cursor(given: str) -> Place:
    """It comes from outside: every part is checked before it is a part of a statement."""
    try:
        return p.read_cursor(given)
    except (ValueError, TypeError, WeirError):
        raise bad_parameter("cursor", "The cursor is none of weir's: take meta.next of the page before, unchanged.") from None
