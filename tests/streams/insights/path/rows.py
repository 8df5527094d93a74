"""Rows of a path, as the tables give them, from what a test wants to say."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from streams.insights.path.attempts import COUNTS
from streams.insights.path.coverage import Hole, Stretch
from streams.insights.path.verdicts import Watched, Word, judge

SPAN = Stretch(0, 600)
WINDOW_S = 10


def row(window: int, opened: int = 0, failed: int = 0, sent: int = 4, received: int = 4, **more: Any) -> dict[str, Any]:
    """Window `window` of ten seconds."""
    start = WINDOW_S * window
    counts = {**dict.fromkeys(COUNTS, 0), "opened": opened, "failed": failed, "packets_sent": sent, "packets_received": received}
    at = {"start": start, "first_us": (start + 1) * 1_000_000, "last_us": (start + 8) * 1_000_000}
    return {**counts, **at, "node": "n1", "zone": "", "role": "client", "server": "pay", **more}


def table(rows: list[dict[str, Any]]) -> pa.Table:
    texts, numbers = ("node", "zone", "role", "server"), ("start", "first_us", "last_us", *COUNTS)
    columns = {name: pa.array([one[name] for one in rows], pa.string()) for name in texts}
    return pa.table({**columns, **{name: pa.array([one[name] for one in rows], pa.int64()) for name in numbers}})


def word(*rows: dict[str, Any], holes: tuple[Hole, ...] = (), is_tcp: bool = True, nameless: int = 0) -> Word:
    return judge(is_tcp, table(list(rows)), Watched(SPAN, holes, nameless)).word
