"""Makes the tables ready and says where the last demo's log ended: `python -m weir.demo.prepare URL`.

In a process of its own, because only one process may hold the tables, and that is to be the worker.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress

from schemas.errors import WeirError
from sinks.base import Sink
from sinks.engines.directory import Held
from sinks.open import open_sink
from weir.demo.queries import LOG_END, LOG_TABLES

_PATIENCE = 3


def log_starts(sink: Sink) -> dict[int, int]:
    """Partition -> first offset that no row has used yet."""
    starts: dict[int, int] = {}
    for table in LOG_TABLES:
        for row in sink.query(LOG_END.format(table)).to_pylist():
            starts[row["partition"]] = max(starts.get(row["partition"], 0), row["last"] + 1)
    return starts


def _open(url: str) -> Sink:
    """The worker of a demo that was killed holds the tables for as long as it takes to notice that its Kafka is gone."""
    for _ in range(_PATIENCE):
        with suppress(Held):
            return open_sink(url)
    return open_sink(url)


def main() -> None:
    try:
        sink = _open(sys.argv[1])
        try:
            sink.migrate()
            starts = log_starts(sink)
        finally:
            sink.close()
    except WeirError as error:
        sys.exit(str(error))
    sys.stdout.write(json.dumps(starts) + "\n")


if __name__ == "__main__":
    main()
