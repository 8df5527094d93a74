"""A data directory that this process holds, and answers others about."""

from __future__ import annotations

from pathlib import Path

from sinks.engines.chdb import ChdbEngine
from sinks.engines.query_server import QueryServer


class ServedEngine(ChdbEngine):
    """`ChdbEngine` with a query socket beside it, open exactly as long as the directory is."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        try:
            self._server = QueryServer(directory, self)
        except BaseException:
            super().close()
            raise

    def close(self) -> None:
        self._server.close()
        super().close()
