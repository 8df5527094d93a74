"""From a window's end to its rows being visible, with the clock's own windows and a load that a worker does not feel."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from sinks.open import open_sink
from tests.bench.worker.fleet import SECOND_US, WINDOW_SECONDS, Fleet
from tests.bench.worker.rig import Rig, encoded, opened

NODES = range(50)
BATCH_FLOWS = 2_000
SKEW_SECONDS = 0.25
_LOOK_SECONDS = 0.05
SEEN = "SELECT toUnixTimestamp(window_start) AS start, count(DISTINCT node_id) AS nodes FROM weir.flows GROUP BY start"


@dataclass(frozen=True)
class Latency:
    """Seconds. `rest`: without the hold, which ends when every node has spoken for the window after, and the skew has passed."""

    windows: int
    total: tuple[float, float]  # median, 99th percentile
    rest: tuple[float, float]


def measure(folder: Path, windows: int) -> Latency:
    """The first window warms up; the last is never released, and left out."""
    begin = (int(time.time()) // WINDOW_SECONDS + 6) * WINDOW_SECONDS
    fleet = Fleet(begin * SECOND_US, windows + 2)
    with opened(folder, hold_seconds=30) as rig:
        sent, seen = _run(rig, fleet, begin, windows)
    counted = [start for start in sorted(seen) if begin < start < begin + windows * WINDOW_SECONDS]
    total = [at - (start + WINDOW_SECONDS) for start in counted for at in seen[start]]
    rest = [at - (sent[start + WINDOW_SECONDS] + SKEW_SECONDS) for start in counted for at in seen[start]]
    return Latency(len(counted), _spread(total), _spread(rest))


def _run(rig: Rig, fleet: Fleet, begin: int, windows: int) -> tuple[dict[int, float], dict[int, list[float]]]:
    """When each window was sent, and when each of its nodes' rows were seen."""
    sent: dict[int, float] = {}
    seen: dict[int, list[float]] = {}
    sink = open_sink(rig.pipeline.url, read_only=True)
    try:
        for window, messages in enumerate(_messages(fleet, windows + 1)):
            start = begin + window * WINDOW_SECONDS
            while time.time() < start + WINDOW_SECONDS:
                _look(sink.query(SEEN).to_pylist(), seen)
                time.sleep(_LOOK_SECONDS)
            rig.send(messages)
            sent[start] = time.time()
        deadline = time.time() + 2 * WINDOW_SECONDS
        last = begin + (windows - 1) * WINDOW_SECONDS
        while len(seen.get(last, ())) < len(NODES) and time.time() < deadline:
            _look(sink.query(SEEN).to_pylist(), seen)
            time.sleep(_LOOK_SECONDS)
    finally:
        sink.close()
    return sent, seen


def _messages(fleet: Fleet, windows: int) -> Iterator[list[tuple[bytes, bytes]]]:
    for window in range(windows):
        yield encoded(fleet.messages(NODES, range(window, window + 1), BATCH_FLOWS))


def _look(rows: list[dict[str, int]], seen: dict[int, list[float]]) -> None:
    now = time.time()
    for row in rows:
        known = seen.setdefault(int(row["start"]), [])
        known += [now] * (int(row["nodes"]) - len(known))


def _spread(seconds: list[float]) -> tuple[float, float]:
    return median(seconds), float(np.percentile(seconds, 99))
