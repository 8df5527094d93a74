"""A real agent over the real kernel, killed at every step of a window's way to Kafka: what was sent arrives, once."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from schemas.failpoints import AGENT_POINTS
from tests.producers.test_agent import Topic, call, expected, node, pods, topic, views
from tests.support.processes import Child, wait_for
from weir.lab import Node, Pod

__all__ = ["node", "pods", "topic"]
SIZE = 1_009


def agent(*arguments: object, arming: tuple[object, ...] = ()) -> Child:
    """Killed with its session where the test ends before it. `arming`: point, which time, signal, notes."""
    how = ("-m", "tests.faults.armed", *arming) if arming else ("-m",)
    return Child([sys.executable, *map(str, how), "tests.producers.agent_process", *map(str, arguments)], name=f"agent {arming}")


def test_killed_at_every_step(tmp_path: Path, clean_kafka: str, topic: Topic, node: Node, pods: tuple[Pod, Pod]) -> None:
    """The second time that it is there, so that a window before it was counted in peace."""
    state, notes, calls = tmp_path / "state", tmp_path / "notes", 0
    state.mkdir()
    arguments = clean_kafka, state, node.cgroup, "n1", 1
    with agent(*arguments):
        wait_for(lambda: topic.grown(0), 30, "the first window")
    for point in AGENT_POINTS:
        with agent(*arguments, arming=(point, 2, "SIGKILL", notes)) as armed:
            while armed.running():
                call(*pods, 1, SIZE)
                calls += 1
            armed.wait(30, status=-signal.SIGKILL)
        call(*pods, 2, SIZE)
        calls += 2
    with agent(*arguments) as last:
        try:
            wait_for(lambda: views(topic.poll()) == expected(calls, SIZE), 30, "every call")
        except AssertionError:
            assert views(topic.poll()) == expected(calls, SIZE)
        last.stop(20)
    assert not [loss for batch in topic.poll() for loss in batch.losses]
    assert len({batch.epoch for batch in topic.poll()}) == 1
    assert notes.read_text().split() == list(AGENT_POINTS)
