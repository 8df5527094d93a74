"""`/findings`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sinks.filter.parse import parse
from sinks.filter.tree import Node
from sinks.queries.findings import unknown_words
from sinks.queries.spans import Piece, Plan
from weir.answers.findings import KINDS, Asked, ask_shown
from weir.api import models
from weir.api.answers.answer import Answer
from weir.api.parameters import ROW_LIMIT, Ranged
from weir.api.parameters import Tables as Tabular
from weir.api.questions import Recorded, Reply, said_of, span_of
from weir.api.tables import Tables
from weir.query_options import BadParameter, check_known, listed


class FindingsParameters(Ranged, Tabular):
    from_: str = Field("now-7d", alias="from", max_length=64, description="start: what was open then or later, or still is")
    state: Literal["open", "closed", "all"] = Field("all", description="as they are now")
    kind: str = Field("", max_length=400, description="kinds, by comma; empty: all")
    limit: int = Field(100, ge=1, le=ROW_LIMIT, description="findings: open ones first, then by severity, the newest first")


def findings(tables: Tables, scope: Node | None, asked: FindingsParameters) -> Reply:
    """Asked anew each time: findings come when no window does."""
    span = span_of(tables, asked)
    kinds = tuple(dict.fromkeys(listed(asked.kind)))
    for kind in kinds:
        check_known("kind", kind, list(KINDS))
    wanted = parse(asked.q)
    if unknown := unknown_words(wanted):
        sentence = f"A finding has no {unknown[0]}: filter by client (its subject), server (its peer), their namespaces, port or network."
        raise BadParameter("q", sentence)
    ask = Recorded(tables.ask_now)
    rows = ask_shown(ask, Asked(span, asked.state, kinds, wanted, scope, asked.limit))
    warnings = ("Your scope says nothing of findings: none is shown.",) if unknown_words(scope) else ()
    return Reply(rows, said_of(tables, Plan((Piece("findings", span),), span, warnings), ask.sql))


ANSWER = Answer("/findings", "What the detector has found", FindingsParameters, models.Rows, findings)
