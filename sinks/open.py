"""From an address to a sink."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from schemas.errors import WeirError
from sinks.base import Sink
from sinks.clickhouse import ClickHouseSink
from sinks.engines.base import Engine
from sinks.engines.directory import Held
from sinks.engines.url import parse_url

HELD_SECONDS = 12.0
"""How long a directory may be held by somebody who only passes by, such as a question, or who is ending, before it counts as taken."""


def open_sink(url: str, *, read_only: bool = False) -> Sink:
    """The sink behind `chdb:///DIR` or `clickhouse://…`.

    A directory has one owner at a time, who answers questions of others on its socket: `read_only` asks there, and opens
    the directory by itself where nobody holds it. Raises `SettingError` for the address, `Held` (a `WeirError`) for a
    directory in use. A server is first spoken to when it is first needed.
    """
    return ClickHouseSink(open_engine(url, read_only=read_only))


def open_engine(url: str, *, read_only: bool = False) -> Engine:
    """What lies under that sink, for those who have to change what is in the tables."""
    target = parse_url(url)
    if not isinstance(target, Path):
        from sinks.engines.driver import DriverEngine

        return DriverEngine(target)
    return _wait_for(target, _reading_engine if read_only else _owning_engine)


def _wait_for(directory: Path, attempt: Callable[[Path], Engine]) -> Engine:
    deadline = time.monotonic() + HELD_SECONDS
    while True:
        try:
            return attempt(directory)
        except Held:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _owning_engine(directory: Path) -> Engine:
    from sinks.engines.served import ServedEngine

    return ServedEngine(directory)


def _reading_engine(directory: Path) -> Engine:
    from sinks.engines.query_client import NobodyAnswers, SocketEngine

    if not directory.is_dir():
        raise WeirError(f"the data directory {directory} does not exist: start `weir demo` or `weir worker` with it first.")
    try:
        return SocketEngine(directory)
    except NobodyAnswers:
        return _owning_engine(directory)
