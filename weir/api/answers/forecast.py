"""`/forecast`."""

from __future__ import annotations

from typing import Any

from sinks.filter.tree import Node
from weir.api.answers.answer import Answer
from weir.api.models import Shape
from weir.api.parameters import Documents, Ranged
from weir.api.questions import Document
from weir.api.tables import Tables


class ForecastParameters(Ranged, Documents):
    pass


class Forecast(Shape):
    pass


def forecast(tables: Tables, scope: Node | None, asked: ForecastParameters) -> Document:
    data: dict[str, Any] = {}
    return Document(data, {})


ANSWER = Answer("/forecast", "How traffic goes on, and when a limit is reached", ForecastParameters, Forecast, forecast)
