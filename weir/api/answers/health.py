"""`/health`."""

from __future__ import annotations

from typing import Any

from sinks.filter.tree import Node
from weir.api.answers.answer import Answer
from weir.api.models import Shape
from weir.api.parameters import Documents, Ranged
from weir.api.questions import Document
from weir.api.tables import Tables


class HealthParameters(Ranged, Documents):
    pass


class Health(Shape):
    pass


def health(tables: Tables, scope: Node | None, asked: HealthParameters) -> Document:
    data: dict[str, Any] = {}
    return Document(data, {})


ANSWER = Answer("/health", "Which edges do worse than usual, by harm", HealthParameters, Health, health)
