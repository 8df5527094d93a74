"""What the API has to know of an answer of its own path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from sinks.filter.tree import Node
from weir.api.parameters import Parameters
from weir.api.questions import Document, Reply
from weir.api.tables import Tables


@dataclass(frozen=True)
class Answer:
    """`shape`: of a `Reply` the whole (`models.Rows` or `models.Listed`), of a `Document` its `data`."""

    path: str
    summary: str
    parameters: type[Parameters]
    shape: type[BaseModel]
    answer: Callable[[Tables, Node | None, Any], Reply | Document]
