"""A real agent over the real kernel, killed at every step of a window's way to Kafka, with a clock that steps, with a disk that is full:
what was sent arrives, once.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from producers.spool.segment import unpack
from schemas.failpoints import AGENT_POINTS
from schemas.records.flow_batch import FlowBatch
from tests.faults.clock import set_clock
from tests.producers.test_agent import SERVER, Topic, call, expected, node, pods, topic, views
from tests.support.disk import SmallDisk
from tests.support.processes import Child, wait_for
from weir.lab import Lab, Node, Pod

__all__ = ["node", "pods", "topic"]
SIZE = 1_009
NODES = 3
NOBODY = "127.0.0.1:9"
AHEAD_SECONDS, BEHIND_SECONDS = 30, -45


def agent(*arguments: object, by: tuple[object, ...] = ()) -> Child:
    """Killed with its session where the test ends before it. `by`: a module of the bench that runs it, with its arguments."""
    return Child([sys.executable, "-m", *map(str, by), "tests.producers.agent_process", *map(str, arguments)], name=f"agent {by}")


def wait_for_calls(topic: Topic, calls: int, name: str = "n1") -> list[FlowBatch]:
    """What the node sent, once that is every call. The comparison is what a failure shows."""

    def sent() -> list[FlowBatch]:
        return [batch for batch in topic.poll() if batch.node_id == name]

    with suppress(AssertionError):
        wait_for(lambda: views(sent()) == expected(calls, SIZE), 30, "every call")
    assert views(sent()) == expected(calls, SIZE)
    return sent()


@contextmanager
def serving(pod: Pod) -> Iterator[None]:
    process = pod.popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    yield
    process.kill()


def test_killed_at_every_step(tmp_path: Path, clean_kafka: str, topic: Topic) -> None:
    """On three nodes at once, each with its share of the points; the second time that an agent is there, so that a window before it was
    counted in peace.
    """
    with Lab("agent") as lab, ThreadPoolExecutor() as pool:
        shares = {f"n{number}": AGENT_POINTS[number - 1 :: NODES] for number in range(1, NODES + 1)}
        lives = [Life(lab.node(name), clean_kafka, tmp_path / name, points) for name, points in shares.items()]
        for life, ended in [(life, pool.submit(life.live)) for life in lives]:
            ended.result()
            batches = wait_for_calls(topic, life.calls, life.node.name)
            assert not [loss for batch in batches for loss in batch.losses]
            assert len({batch.epoch for batch in batches}) == 1
            assert life.notes.read_text().split() == list(life.points)


@dataclass
class Life:
    """A node whose agent is killed at each of the points."""

    node: Node
    kafka: str
    directory: Path
    points: tuple[str, ...]
    calls: int = 0

    def __post_init__(self) -> None:
        self.pods = self.node.pod("checkout"), self.node.pod("db")

    @property
    def notes(self) -> Path:
        return self.directory / "notes"

    def live(self) -> None:
        state = self.directory / "state"
        state.mkdir(parents=True)
        pods = self.pods
        arguments = self.kafka, state, self.node.cgroup, self.node.name, 1
        with serving(pods[1]):
            with agent(*arguments) as first:
                first.line("Window ")
            for point in self.points:
                with agent(*arguments, by=("tests.faults.armed", point, 2, "SIGKILL", self.notes)) as armed:
                    while armed.running():
                        call(*pods, 1, SIZE)
                        self.calls += 1
                    armed.wait(30, status=-signal.SIGKILL)
                call(*pods, 2, SIZE)
                self.calls += 2
            with agent(*arguments) as last:
                last.line("Window ")
                last.stop(20)


def test_a_clock_that_steps(tmp_path: Path, clean_kafka: str, topic: Topic, node: Node, pods: tuple[Pod, Pod]) -> None:
    """Ahead, then behind windows that were sent already, then right again. The clock is a stand-in, see `clock.py`."""
    clock, calls = tmp_path / "clock", 0
    clock.write_text("0")
    with agent(clean_kafka, tmp_path / "state", node.cgroup, "n1", 1, by=("tests.faults.clock", clock)) as stepping:
        for seconds in (AHEAD_SECONDS, BEHIND_SECONDS, 0):
            seen = len(topic.poll())
            wait_for(lambda seen=seen: topic.grown(seen), 30, "a window before the step")  # type: ignore[misc]
            call(*pods, 3, SIZE)
            set_clock(stepping, clock, seconds)
            call(*pods, 2, SIZE)
            calls += 5
        wait_for_calls(topic, calls)
        stepping.stop(20)
    assert not [loss for batch in topic.poll() for loss in batch.losses]


@pytest.fixture
def disk(tmp_path: Path) -> SmallDisk:
    return SmallDisk(tmp_path / "disk")


def test_a_disk_that_is_full(tmp_path: Path, disk: SmallDisk, clean_kafka: str, topic: Topic, node: Node, pods: tuple[Pod, Pod]) -> None:
    """Without Kafka: windows wait in memory, and are on the disk when it has room. One that dies with its memory is counted as lost."""
    with disk:
        state = disk.path / "state"
        state.mkdir()
        arguments = state, node.cgroup, "n1", 1
        with agent(NOBODY, *arguments) as full:
            full.line("Window ")
            disk.fill()
            call(*pods, 3, SIZE)
            full.line("cannot be written")
            windows = full.stderr.count("Window ")
            full.until(lambda: full.stderr.count("Window ") > windows + 1, 20, "a window that waits in memory")
            disk.relieve()
            full.line("can be written again")
            disk.fill()
            spooled = [unpack(path.read_bytes()) for path in sorted((state / "spool").glob("*.seg"))]
            assert sum(segment.head.flows for segment in spooled if segment) > 0
            before = full.stderr.count("cannot be written")
            call(*pods, 1, SIZE)
            full.until(lambda: full.stderr.count("cannot be written") > before, 20, "another window in memory")
            windows = full.stderr.count("Window ")
            full.until(lambda: full.stderr.count("Window ") > windows + 1, 20, "the call to be counted")
            full.kill()
        disk.relieve()
        call(*pods, 2, SIZE)
        with agent(clean_kafka, *arguments) as last:
            wait_for_calls(topic, 5)
            last.stop(20)
        lost = {loss for batch in topic.poll() for loss in batch.losses}
        assert [(loss.stage, loss.reason) for loss in lost] == [("spool", "memory")]
        assert sum(loss.flows for loss in lost) == 2, "both views of the call that only the memory held"
