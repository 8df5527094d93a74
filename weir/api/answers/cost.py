"""`/cost`."""

from __future__ import annotations

from typing import Any

from sinks.filter.tree import Node
from weir.api.answers.answer import Answer
from weir.api.models import Shape
from weir.api.parameters import Documents, Ranged
from weir.api.questions import Document
from weir.api.tables import Tables


class CostParameters(Ranged, Documents):
    pass


class Cost(Shape):
    pass


def cost(tables: Tables, scope: Node | None, asked: CostParameters) -> Document:
    data: dict[str, Any] = {}
    return Document(data, {})


ANSWER = Answer("/cost", "What transfer costs, by class: an estimate", CostParameters, Cost, cost)
