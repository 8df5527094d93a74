"""`/path`."""

from __future__ import annotations

from typing import Any

from sinks.filter.tree import Node
from weir.api.answers.answer import Answer
from weir.api.models import Shape
from weir.api.parameters import Documents, Ranged
from weir.api.questions import Document
from weir.api.tables import Tables


class PathParameters(Ranged, Documents):
    pass


class Path(Shape):
    pass


def path(tables: Tables, scope: Node | None, asked: PathParameters) -> Document:
    data: dict[str, Any] = {}
    return Document(data, {})


ANSWER = Answer("/path", "Whether a client reaches a server: a verdict and its evidence", PathParameters, Path, path)
