"""The fault bench in short: every point of a worker and every fault of the table once, by a fixed seed.

Three runs at a time, since most of each is waiting: faults with several workers, the points of a worker one by one and together, and
the engine inside the one worker.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from schemas.failpoints import WORKER_POINTS
from tests.faults.plan import Step, every_fault_once, every_point_once
from tests.faults.report import table
from tests.faults.run import Outcome, carry_out, recent_shape

SEED = 5
NODES = 8
EMBEDDED_POINTS = 4
EMBEDDED_FAULTS = (
    "worker: SIGKILL",
    "worker: SIGSTOP beyond its session, SIGCONT",
    "Kafka: SIGKILL",
    "ClickHouse: disk full, then room",
    "group: rewound to the beginning",
)
"""Those that an engine inside the worker has a part in, and as many points; `make soak` has it go through all."""


def assert_clean(outcome: Outcome) -> None:
    shown = "\n".join((*table([outcome]), *outcome.ended_by_themselves))
    assert outcome.verdicts.clean, shown
    assert outcome.ended_by_themselves == (), shown
    assert outcome.missed == (), shown


def test_every_point_and_every_fault_once(tmp_path: Path) -> None:
    points = every_point_once(SEED, 5)
    embedded = [step for step in every_fault_once(SEED, served=False) if step.kind in EMBEDDED_FAULTS]
    embedded += every_point_once(SEED, 1)[:EMBEDDED_POINTS]
    assert len(embedded) == len(EMBEDDED_FAULTS) + EMBEDDED_POINTS
    with ThreadPoolExecutor(3) as pool:

        def begin(name: str, steps: list[Step], crew_size: int) -> Future[Outcome]:
            shape = recent_shape(SEED, 60, 100, 50, nodes=NODES, recorded=NODES)
            return pool.submit(carry_out, tmp_path / name, shape, steps, embedded=name == "embedded", crew_size=crew_size, say=print)

        runs = [
            begin("faults", every_fault_once(SEED, served=True), 2),
            begin("points", points, 2),
            begin("embedded", embedded, 1),
        ]
        outcomes = [run.result() for run in runs]
    for outcome in outcomes:
        assert_clean(outcome)
    assert set(WORKER_POINTS) <= set(outcomes[1].hits)
