"""One, two and four workers on one topic: the same flows, the same tables. The engine is a process of its own, as with a server.

Measured once every worker knows the nodes' addresses and has built blocks: what is new in the first windows is told to each of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.bench.machine import cpu_seconds
from tests.bench.worker.fleet import FLOWS_EACH, SECOND_US, Fleet
from tests.bench.worker.rig import APPLY_SECONDS, Message, encoded, producer
from tests.integration.made_recording import half_an_hour_ago_us
from tests.integration.pipeline_support import ASSIGNED, GROUP, Pipeline
from tests.support.clickhouse import EngineHost
from tests.support.kafka import KafkaServer
from tests.support.offsets import lag
from tests.support.processes import Child, run_weir, wait_for, weir

NODES, WARM_UP, WINDOWS, BATCH_FLOWS = range(50), range(2), range(2, 8), 500
IDLE_SECONDS = 5.0
_TOPIC = "weir.flows"
SUMS = "SELECT count() AS flows, sum(bytes_sent) AS bytes, uniqExact(node_id, window_start) AS windows FROM weir.flows"


@dataclass(frozen=True)
class Scaled:
    """CPU of all workers together, and the clock's time, from the first message to the last commit. `idle_share`: of a core, before."""

    workers: int
    flows: int
    cpu_seconds: float
    wall_seconds: float
    idle_share: float

    @property
    def busy_seconds(self) -> float:
        return self.cpu_seconds - self.idle_share * self.wall_seconds


def measure(folder: Path) -> list[Scaled]:
    """Raises AssertionError where any number of workers leaves other tables than what was sent."""
    return [_measure(folder / str(workers), workers) for workers in (1, 2, 4)]


def _measure(folder: Path, workers: int) -> Scaled:
    fleet = Fleet(half_an_hour_ago_us() - 600 * SECOND_US, WINDOWS.stop + 1)
    first, then = (list(fleet.messages(NODES, windows, BATCH_FLOWS)) for windows in (WARM_UP, WINDOWS))
    sent = {
        "flows": len(NODES) * WINDOWS.stop * FLOWS_EACH,
        "bytes": sum(int(batch.flows.bytes_sent.sum()) for batch in [*first, *then]),
        "windows": len(NODES) * WINDOWS.stop,
    }
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
        _apply(kafka, encoded([*first, *fleet.last_words(NODES, WARM_UP.stop)]))
        idle_share = _used(crew, lambda: time.sleep(IDLE_SECONDS)) / IDLE_SECONDS
        messages = encoded([*then, *fleet.last_words(NODES, WINDOWS.stop)])
        begun = time.monotonic()
        cpu = _used(crew, lambda: _apply(kafka, [*messages, *messages[::20]]))
        wall = time.monotonic() - begun
        with pipeline.sink() as sink:
            (raw,) = sink.query(SUMS).to_pylist()
            (rolled,) = sink.query("SELECT sum(flows) AS flows, sum(bytes_sent) AS bytes FROM weir.flows_1h").to_pylist()
    assert raw == sent, f"{workers} workers: {raw} of {sent}"
    assert rolled == {"flows": sent["flows"], "bytes": sent["bytes"]}, f"{workers} workers: the hours hold {rolled} of {sent}"
    return Scaled(workers, len(NODES) * len(WINDOWS) * FLOWS_EACH, cpu, wall, idle_share)


def _used(crew: list[Child], work: Callable[[], None]) -> float:
    """CPU seconds of all workers during that work."""
    before = sum(cpu_seconds(worker.pid) for worker in crew)
    work()
    return sum(cpu_seconds(worker.pid) for worker in crew) - before


def _apply(kafka: KafkaServer, messages: list[Message]) -> None:
    """Sends them, and waits until the group has committed them all."""
    sender = producer(kafka.bootstrap)
    for key, value in messages:
        sender.produce(_TOPIC, value, key)
    assert sender.flush(60) == 0, "Kafka did not take what was sent"
    wait_for(lambda: not lag(kafka.bootstrap, GROUP, _TOPIC), APPLY_SECONDS, "the group to have read everything")
