# ruff: noqa: S608 (every name and number in these statements stands in this file)
"""What addresses at rest cost: a worker to compare their heartbeats, and whoever asks who had one.

    python -m tests.bench.worker.resting

CPU time, since others may be at work on the machine.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing

import numpy as np

from schemas.records.flow_batch import FlowBatch, HeartbeatColumns, empty_flows
from sinks.open import open_sink
from streams.blocks.side_tables import ownership_tables
from streams.dedup.resting import Resting, Told
from tests.sinks.engine_of import engine_of

WINDOW_US = 10_000_000
NODES, ADDRESSES, WEEKS, BLOCKS = 1_000, 200_000, 4, 500
BEGIN_S = 1_767_258_000


def batch(node: int, rows: int, window: int, changes: int) -> FlowBatch:
    """A slice of a node, of which so many addresses have another owner than a window ago."""
    ip = np.zeros((rows, 16), np.uint8)
    ip[:, 10:12] = 255
    ip[:, 12:] = (np.arange(rows, dtype=">u4") + node * rows + (10 << 24)).astype(">u4").view(np.uint8).reshape(-1, 4)
    names = tuple(f"shop/service-{number}" for number in range(min(rows, 50)))
    workload = (np.arange(rows) % len(names)).astype(np.uint32)
    workload[(np.arange(changes) * 7 + window) % rows] = window % len(names)
    start = np.full(rows, window * WINDOW_US, np.int64)
    beats = HeartbeatColumns(ip, workload, np.zeros(rows, np.uint16), np.zeros(rows, np.uint8), start, start + WINDOW_US)
    return FlowBatch(f"n{node}", 1, window, "eu", "default", window * WINDOW_US, 10, 0, 1, names, empty_flows(), beats, ())


def cpu(call: Callable[[], object]) -> float:
    begun = time.process_time()
    call()
    return time.process_time() - begun


def comparing(rows: int, nodes: int, changes: int) -> str:
    memory, rest, plain = Resting(), list[float](), list[float]()
    for window in range(6):
        said = [batch(node, rows, window, changes) for node in range(nodes)]
        rest.append(cpu(lambda said=said: ownership_tables(memory.tell(said), "default")))  # type: ignore[misc]
        plain.append(cpu(lambda said=said: ownership_tables(Told(tuple(said), (), ()), "default")))  # type: ignore[misc]
    now, before = (min(times[1:]) / rows / nodes * 1e6 for times in (rest, plain))
    return f"| {rows} | {changes} | {now:.3f} | {before:.3f} | {memory.bytes / rows / nodes:.0f} |"


def asking(directory: str) -> list[str]:
    """Weeks of addresses at rest, and a block's rests after another."""
    with closing(open_sink(f"chdb://{directory}/data")) as sink:
        sink.migrate()
        engine = engine_of(sink)
        ip = "toIPv6(concat('10.', arrayStringConcat([intDiv(number, 65536), intDiv(number, 256) % 256, number % 256], '.')))"
        for week in range(WEEKS):
            start, chain = BEGIN_S + week * 604_800, f"cityHash64(number % {NODES}, {week})"
            node = f"concat('n', toString(number % {NODES}))"
            columns = "network, ip, workload, source, start, `end`, node_id, chain"
            values = f"'default', {ip}, concat('w', toString(number % 2000)), 'heartbeat', {start}, {start + 10}, {node}, {chain}"
            engine.execute(f"INSERT INTO weir.ownership_ranges ({columns}) SELECT {values} FROM numbers({ADDRESSES})")
            ends = [start + 604_800] if week + 1 < WEEKS else range(start + 20, start + 20 + 10 * BLOCKS, 10)
            rests = f"INSERT INTO weir.ownership_rests (network, node_id, chain, start, `end`) SELECT 'default', {node}, {chain}, {start}"
            took = cpu(lambda ends=ends, rests=rests: [engine.execute(f"{rests}, {end} FROM numbers({NODES})") for end in ends])  # type: ignore[misc]
        one = "SELECT * FROM weir.ownership_by_heartbeats WHERE ip = toIPv6('10.1.2.3')"
        whole = "SELECT count() FROM weir.ownership_by_heartbeats"
        best = [min(cpu(lambda sql=sql: engine.query(sql)) for _ in range(3)) for sql in (one, whole)]  # type: ignore[misc]
    return [
        f"{took / BLOCKS * 1e3:.1f} ms a block of {NODES:,} rests; {ADDRESSES:,} addresses told {WEEKS} times: "
        f"{best[0] * 1e3:.0f} ms for one address, {best[1]:.1f} s for all"
    ]


def main() -> None:
    lines = ["| addresses a slice | changes a window | us a heartbeat | each written | bytes |", "|---|---|---|---|---|"]
    lines += [comparing(*shape) for shape in ((1_000, 200, 0), (1_000, 200, 10), (200, 1_000, 0), (200, 1_000, 2), (10, 2_000, 0))]
    with tempfile.TemporaryDirectory() as directory:
        lines += asking(directory)
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
