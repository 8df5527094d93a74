"""A recording replayed through Apache Kafka into a worker with the ClickHouse engine inside: `make bench-replay`.

Prints what the worker cost, stage by stage, and checks that every flow is there once: after the first replay, and after another.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import orjson

from sinks.open import open_sink
from tests.bench.machine import cpu_seconds, ended_children_cpu_seconds, machine, resident_bytes
from tests.bench.replay.fleet import FleetShape, recording
from tests.bench.say import say
from tests.integration.pipeline_support import Pipeline
from tests.support.kafka import KafkaServer, free_ports
from tests.support.processes import Child

STAGE = re.compile(r'^weir_stage_cpu_seconds_total\{stage="(\w+)"\} (\S+)$', re.MULTILINE)
APPLY_SECONDS = 600


@dataclass(frozen=True)
class Figures:
    """CPU in seconds: of the worker while it applied the replay, of the replaying client, and of the worker's stages."""

    flows: int
    worker_cpu_seconds: float
    client_cpu_seconds: float
    wall_seconds: float
    worker_resident_bytes: int
    stages: dict[str, float]


def main() -> None:
    given = _arguments()
    shape = FleetShape(given.nodes, given.windows, given.flows_each)
    say(
        "# Replay",
        "",
        machine(),
        f"{shape.flows:,} flows: {shape.nodes} nodes, {shape.windows} windows, {shape.flows_each} flows each in one message; "
        "Apache Kafka, one worker, the ClickHouse engine in the worker's process, every rollup and the downstream topic on.",
        "",
    )
    with tempfile.TemporaryDirectory() as folder:
        figures = _measure(shape, Path(folder))
    _report(figures)
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-replay", description=__doc__)
    parser.add_argument("--nodes", type=int, default=50)
    parser.add_argument("--windows", type=int, default=100)
    parser.add_argument("--flows-each", type=int, default=200, help="flows a node and window")
    parser.add_argument("--output", type=Path, default=Path(".cache/bench-replay.json"), help="the figures as JSON")
    return parser.parse_args()


def _measure(shape: FleetShape, folder: Path) -> Figures:
    path = folder / "fleet.jsonl"
    with path.open("wb") as file:
        file.writelines(recording(shape))
    with KafkaServer(folder / "broker") as kafka:
        (metrics_port,) = free_ports(1)
        pipeline = Pipeline(kafka.bootstrap, f"chdb://{folder / 'data'}", folder, {"metrics_port": metrics_port, "session_seconds": 15})
        with pipeline.worker() as worker:
            begun, cpu, ended = time.monotonic(), cpu_seconds(worker.pid), ended_children_cpu_seconds()
            pipeline.replay(path)
            client = ended_children_cpu_seconds() - ended
            pipeline.wait_until_read(worker, APPLY_SECONDS)
            figures = Figures(
                shape.flows,
                cpu_seconds(worker.pid) - cpu,
                client,
                time.monotonic() - begun,
                resident_bytes(worker.pid),
                _stages(metrics_port),
            )
            _check(pipeline, shape)
            _again(pipeline, path, worker)
            _check(pipeline, shape)
    return figures


def _again(pipeline: Pipeline, path: Path, worker: Child) -> None:
    pipeline.replay(path)
    pipeline.wait_until_read(worker, APPLY_SECONDS)


def _check(pipeline: Pipeline, shape: FleetShape) -> None:
    """Raises AssertionError unless every flow is there once, with a name, in raw and in the rollups."""
    sink = open_sink(pipeline.url, read_only=True)
    try:
        counted = "SELECT count() AS rows, countIf(remote_workload = '') AS nameless, sum(bytes_sent) AS bytes FROM weir.flows"
        (raw,) = sink.query(counted).to_pylist()
        (rolled,) = sink.query("SELECT sum(bytes_sent) AS bytes FROM weir.flows_1h").to_pylist()
    finally:
        sink.close()
    expected = sum(7_919 + 13 * number + window for window in range(shape.windows) for number in range(shape.flows_each)) * shape.nodes
    assert raw == {"rows": shape.flows, "nameless": 0, "bytes": expected}, raw
    assert rolled == {"bytes": expected}, rolled


def _stages(port: int) -> dict[str, float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return {name: float(seconds) for name, seconds in STAGE.findall(answer.read().decode())}


def _report(figures: Figures) -> None:
    thousand = figures.flows / 1_000
    engine_free = sum(seconds for name, seconds in figures.stages.items() if name != "insert")
    rest = figures.worker_cpu_seconds - sum(figures.stages.values())
    say("| part | CPU seconds | us a flow |", "|---|---|---|")
    for name, seconds in [*sorted(figures.stages.items()), ("engine's threads, Kafka clients, Faust", rest)]:
        say(f"| {name} | {seconds:.2f} | {1_000 * seconds / thousand:.2f} |")
    say(
        "",
        f"Worker, all of it: {figures.worker_cpu_seconds:.1f} CPU s, {figures.flows / figures.worker_cpu_seconds:,.0f} flows a CPU second.",
        f"Its stages without the insert: {engine_free:.1f} CPU s, {figures.flows / engine_free:,.0f} flows a CPU second.",
        f"Replaying client: {figures.client_cpu_seconds:.1f} CPU s. Wall: {figures.wall_seconds:.0f} s, broker beside it.",
        f"Resident memory of the worker with its engine: {figures.worker_resident_bytes / 1e6:,.0f} MB.",
        f"Rows: {figures.flows:,}, each once, after one replay and after a second; every remote end named; rollups equal the raw sums.",
    )


if __name__ == "__main__":
    main()
