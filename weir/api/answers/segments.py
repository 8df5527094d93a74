"""`/segments`."""

from __future__ import annotations

from typing import Any

from sinks.filter.tree import Node
from weir.api.answers.answer import Answer
from weir.api.models import Shape
from weir.api.parameters import Documents, Ranged
from weir.api.questions import Document
from weir.api.tables import Tables


class SegmentsParameters(Ranged, Documents):
    pass


class Segments(Shape):
    pass


def segments(tables: Tables, scope: Node | None, asked: SegmentsParameters) -> Document:
    data: dict[str, Any] = {}
    return Document(data, {})


ANSWER = Answer("/segments", "Roles, what they may talk to, and what a policy would cut", SegmentsParameters, Segments, segments)
