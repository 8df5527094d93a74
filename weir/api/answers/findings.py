"""`/findings`."""

from __future__ import annotations

from typing import Any

from sinks.filter.tree import Node
from weir.api.answers.answer import Answer
from weir.api.models import Shape
from weir.api.parameters import Documents, Ranged
from weir.api.questions import Document
from weir.api.tables import Tables


class FindingsParameters(Ranged, Documents):
    pass


class Findings(Shape):
    pass


def findings(tables: Tables, scope: Node | None, asked: FindingsParameters) -> Document:
    data: dict[str, Any] = {}
    return Document(data, {})


ANSWER = Answer("/findings", "What the detector has found", FindingsParameters, Findings, findings)
