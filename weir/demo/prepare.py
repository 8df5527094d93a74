"""Makes the tables ready and says where the last demo's log ended: `python -m weir.demo.prepare URL`.

In a process of its own, because only one process may hold the tables, and that is to be the worker.
"""

from __future__ import annotations

import json
import sys

from schemas.errors import WeirError
from sinks.open import open_sink
from sinks.protocol import Sink
from weir.demo.queries import LOG_END, LOG_TABLES


def log_starts(sink: Sink) -> dict[int, int]:
    """Partition -> first offset that no row has used yet."""
    starts: dict[int, int] = {}
    for table in LOG_TABLES:
        for row in sink.query(LOG_END.format(table)).to_pylist():
            starts[row["partition"]] = max(starts.get(row["partition"], 0), row["last"] + 1)
    return starts


def main() -> None:
    try:
        sink = open_sink(sys.argv[1])
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
