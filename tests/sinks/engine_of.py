"""The engine below a sink: for tests that must change tables as no sink does. The one place that reaches into a sink."""

from __future__ import annotations

from sinks.base import Sink
from sinks.engines.base import Engine


def engine_of(sink: Sink) -> Engine:
    """The open connection of `sink`; it closes with its sink."""
    found: Engine = sink._engine  # type: ignore[attr-defined]
    return found
