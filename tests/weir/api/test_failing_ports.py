"""A port that is dead beside a busy one of the same server."""

from __future__ import annotations

import time
from pathlib import Path

from sinks.open import open_engine, open_sink
from tests.weir.api.shop import Edge, write
from weir.api.parameters import GroupsParameters
from weir.api.questions import groups
from weir.api.tables import Tables


def test_the_edge_of_the_map_that_joins_both_fails(tmp_path: Path) -> None:
    url = f"chdb://{tmp_path / 'data'}"
    sink = open_sink(url)
    sink.migrate()
    sink.close()
    engine = open_engine(url)
    try:
        busy, dead = Edge("n1", "web", "archive", 9000, 400, opened=5_000), Edge("n1", "web", "archive", 9001, 0, 7, opened=0)
        write(engine, int(time.time()) // 10 * 10 - 60, 1, edges=(busy, dead))
        edges = groups(Tables(engine), None, GroupsParameters()).data["edges"]
    finally:
        engine.close()
    assert (edges["connections_opened"], edges["connections_failed"], edges["failing_pairs"]) == ([5_000], [7], [1])
