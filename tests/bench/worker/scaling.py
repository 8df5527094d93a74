"""One, two and four workers on one topic: the same flows, the same tables. The engine is a process of its own, as with a server."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.bench.machine import cpu_seconds
from tests.bench.worker.fleet import FLOWS_EACH, SECOND_US, Fleet
from tests.bench.worker.rig import APPLY_SECONDS, encoded, producer
from tests.integration.made_recording import half_an_hour_ago_us
from tests.integration.pipeline_support import ASSIGNED, GROUP, Pipeline
from tests.support.clickhouse import EngineHost
from tests.support.kafka import KafkaServer
from tests.support.offsets import lag
from tests.support.processes import run_weir, wait_for, weir

NODES, WINDOWS, BATCH_FLOWS = range(10), range(2), 500
_TOPIC = "weir.flows"
SUMS = "SELECT count() AS flows, sum(bytes_sent) AS bytes, uniqExact(node_id, window_start) AS windows FROM weir.flows"


@dataclass(frozen=True)
class Scaled:
    """CPU of all workers together, and the clock's time, from the first message to the last commit."""

    workers: int
    flows: int
    cpu_seconds: float
    wall_seconds: float


def measure(folder: Path) -> list[Scaled]:
    """Raises AssertionError where any number of workers leaves other tables than what was sent."""
    return [_measure(folder / str(workers), workers) for workers in (1, 2, 4)]


def _measure(folder: Path, workers: int) -> Scaled:
    fleet = Fleet(half_an_hour_ago_us() - 600 * SECOND_US, len(WINDOWS) + 1)
    batches = list(fleet.messages(NODES, WINDOWS, BATCH_FLOWS))
    messages = encoded([*batches, *fleet.last_words(NODES, len(WINDOWS))])
    flows = len(NODES) * len(WINDOWS) * FLOWS_EACH
    sent = {"flows": flows, "bytes": sum(int(batch.flows.bytes_sent.sum()) for batch in batches), "windows": len(NODES) * len(WINDOWS)}
    folder.mkdir(parents=True)
    with KafkaServer(folder / "broker") as kafka, EngineHost(folder / "engine") as engine, ExitStack() as stack:
        pipeline = Pipeline(kafka.bootstrap, engine.url, folder, {"session_seconds": 30})
        run_weir("topics", settings=pipeline.settings)
        run_weir("migrate", settings=pipeline.settings)
        crew = [
            stack.enter_context(weir("worker", settings={**pipeline.settings, "state_dir": folder / f"state-{n}"})) for n in range(workers)
        ]
        for worker in crew:
            worker.line(ASSIGNED, APPLY_SECONDS)
        begun, used = time.monotonic(), sum(cpu_seconds(worker.pid) for worker in crew)
        sender = producer(kafka.bootstrap)
        for key, value in [*messages, *messages[::20]]:
            sender.produce(_TOPIC, value, key)
        assert sender.flush(60) == 0, "Kafka did not take what was sent"
        wait_for(lambda: not lag(kafka.bootstrap, GROUP, _TOPIC), APPLY_SECONDS, "the group to have read everything")
        wall, cpu = time.monotonic() - begun, sum(cpu_seconds(worker.pid) for worker in crew) - used
        with pipeline.sink() as sink:
            (raw,) = sink.query(SUMS).to_pylist()
            (rolled,) = sink.query("SELECT sum(flows) AS flows, sum(bytes_sent) AS bytes FROM weir.flows_1h").to_pylist()
    assert raw == sent, f"{workers} workers: {raw} of {sent}"
    assert rolled == {"flows": sent["flows"], "bytes": sent["bytes"]}, f"{workers} workers: the hours hold {rolled} of {sent}"
    return Scaled(workers, flows, cpu, wall)
