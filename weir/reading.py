"""Opening the tables to ask about them, whoever holds them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sinks.base import Sink
    from sinks.engines.base import Engine
    from weir.settings.catalogue import Settings


@contextmanager
def opened_sink(settings: Settings) -> Iterator[Sink]:
    from sinks.open import open_sink
    from weir.settings.targets import reading_url

    sink = open_sink(reading_url(settings), read_only=True)
    try:
        yield sink
    finally:
        sink.close()


@contextmanager
def opened_engine(settings: Settings) -> Iterator[Engine]:
    """For questions that weir composes: `Engine.ask`."""
    from sinks.open import open_engine
    from weir.settings.targets import reading_url

    engine = open_engine(reading_url(settings), read_only=True)
    try:
        yield engine
    finally:
        engine.close()
