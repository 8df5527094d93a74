"""`/health`."""

from __future__ import annotations

from pydantic import Field

from sinks.filter.parse import parse
from sinks.filter.tree import Node, both
from weir.answers.health import HealthQuestion
from weir.answers.health import health as ask_health
from weir.answers.shown_health import table_of
from weir.api import models, parameters
from weir.api.answers.answer import Answer
from weir.api.parameters import ROW_LIMIT, Ranged
from weir.api.questions import Reply, said_of, span_of
from weir.api.tables import Tables


class HealthParameters(Ranged, parameters.Tables):
    from_: str = Field("now-1h", alias="from", max_length=64, description="start: RFC 3339, UNIX seconds, or now-6h; six hours are judged")
    limit: int = Field(100, ge=1, le=ROW_LIMIT, description="findings, the worst of them")


def health(tables: Tables, scope: Node | None, asked: HealthParameters) -> Reply:
    span = span_of(tables, asked)
    question = HealthQuestion(span, tables.completeness().until_s, both(parse(asked.q), scope), asked.limit)
    found = ask_health(tables.asker(span), tables.oldest(), question)
    return Reply(table_of(found.ills), {**said_of(tables, found.plan, found.sql), "found": found.found})


ANSWER = Answer("/health", "Which edges do worse than usual, by harm", HealthParameters, models.Rows, health)
