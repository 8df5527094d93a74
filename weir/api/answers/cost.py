"""`/cost`."""

from __future__ import annotations

from pydantic import Field

from sinks.filter.parse import parse
from sinks.filter.tree import Node, both
from weir.answers.cost import CostQuestion, read_by, read_cost_span
from weir.answers.cost import cost as reckon
from weir.api.answers.answer import Answer
from weir.api.models import Shape, Table
from weir.api.parameters import ROW_LIMIT, Documents, Ranged
from weir.api.questions import Document, said_of
from weir.api.tables import Tables
from weir.output.costs import document


class CostParameters(Ranged, Documents):
    from_: str = Field("", alias="from", max_length=64, description="start: RFC 3339, UNIX seconds, or now-6h; empty: of the month, UTC")
    by: str = Field("client,server", max_length=400, description="up to six dimensions, by comma; class: none but the class")
    limit: int = Field(100, ge=1, le=ROW_LIMIT, description="rows; all others are summed in other")


class PriceSource(Shape):
    source: str
    as_of: str = Field(description="day of the prices; empty: not told")


class OtherRows(Shape):
    rows: int
    bytes: int | str
    cost: str | None


class Cost(Shape):
    """Money is decimal text in `currency`, to the billionth; null: there is no price."""

    currency: str = Field(description="empty: there is no price table")
    prices: PriceSource
    estimate: str = Field(description="a sentence that says what this is not")
    total: str | None = Field(description="of what has a price; null: nothing has, or nothing is there")
    classes: Table = Field(description="`class`, `payer`, `bytes`, `cost`; bytes that two pay for are in both rows")
    rows: Table = Field(description="the dimensions, `class`, `bytes`, `cost`")
    other: OtherRows
    unpriced: Table = Field(description="`class`, `client`, `server`, `bytes`, `why`: the largest")
    savings: Table = Field(description="`kind`, `client`, `server`, `monthly`, `sentence`")


def cost(tables: Tables, scope: Node | None, asked: CostParameters) -> Document:
    by = read_by(asked.by)
    span = read_cost_span(asked.from_ or None, asked.to, tables.now_s())
    until_s = tables.completeness().until_s
    question = CostQuestion(span, by, both(parse(asked.q), scope), asked.limit, until_s)
    found = reckon(tables.asker(question.asked_span), tables.oldest(), tables.prices, question)
    return Document(document(found, by), {**said_of(tables, found.plan, found.sql), "warnings": list(found.warnings)})


ANSWER = Answer("/cost", "What transfer costs, by class: an estimate", CostParameters, Cost, cost)
"""Reckons with the price table that the console was started with."""
