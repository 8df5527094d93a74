"""`/segments`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sinks.filter.parse import parse
from sinks.filter.tree import Node, both
from sinks.queries.spans import Span
from weir.answers.segments import SegmentsQuestion
from weir.answers.segments import segments as answered
from weir.answers.segments_object import as_object
from weir.answers.selectors_file import Given
from weir.api.answers.answer import Answer
from weir.api.formats import exact
from weir.api.models import Shape, Table
from weir.api.parameters import Documents, Ranged
from weir.api.problems import bad_parameter
from weir.api.questions import Document, said_of, span_of
from weir.api.tables import Tables
from weir.query_options import read_instant


class SegmentsParameters(Ranged, Documents):
    from_: str = Field("now-7d", alias="from", max_length=64, description="start: RFC 3339, UNIX seconds, or now-6h")
    check_from: str = Field("", max_length=64, description="learn up to here, and put to the policies what came afterwards")
    policy: Literal["none", "kubernetes", "cilium", "calico"] = Field("none", description="the kind of policies to write")
    roles: Literal["on", "off"] = Field("on", description="off: allow nothing beyond what was seen")


class Segments(Shape):
    roles: Table = Field(description="the members of each, and how sure it is that they belong there, 0 to 1")
    edges: Table = Field(description="`from` and `to` are roles, nodes, ranges, or outside")
    cut: Table = Field(description="what the policies would not let through")
    policies: str | None = Field(description="YAML; null: policy=none")
    needs: list[str] = Field(description="what no policy could be written for, and why")
    checked: int = Field(description="edges that were put to the policies")


def segments(tables: Tables, scope: Node | None, asked: SegmentsParameters) -> Document:
    whole = span_of(tables, asked)
    span, check = _spans(whole, asked.check_from, tables.now_s())
    question = SegmentsQuestion(span, both(parse(asked.q), scope), asked.policy, asked.roles == "off", check, Given(ranges=tables.ranges))
    found = answered(tables.asker(whole), tables.oldest(), question)
    said = as_object(found)
    for name in ("edges", "cut"):
        said[name] = {column: [exact(one) if isinstance(one, int) else one for one in values] for column, values in said[name].items()}
    return Document(said, said_of(tables, found.plan, found.sql))


def _spans(whole: Span, check_from: str, now_s: int) -> tuple[Span, Span | None]:
    if not check_from:
        return whole, None
    check_s = read_instant("check_from", check_from, now_s)
    if not whole.start_s < check_s < whole.end_s:
        raise bad_parameter("check_from", f"check_from={check_from} is not within the span: learn before it, and check what came after it.")
    return Span(whole.start_s, check_s), Span(check_s, whole.end_s)


ANSWER = Answer("/segments", "Roles, what they may talk to, and what a policy would cut", SegmentsParameters, Segments, segments)
