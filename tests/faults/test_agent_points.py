"""A real agent over the real kernel, killed at every step of a window's way to Kafka: what was sent arrives, once."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from schemas.failpoints import AGENT_POINTS
from tests.producers import test_agent as live
from tests.producers.test_agent import Topic, call, expected, node, pods, topic, views
from tests.support.processes import Child, wait_for
from weir.lab import Node, Pod

__all__ = ["node", "pods", "topic"]
SIZE = 1_009


def armed_agent(point: str, nth: int, notes: Path, *arguments: object) -> Child:
    arming = ["-m", "tests.faults.armed", point, str(nth), "SIGKILL", str(notes), "tests.producers.agent_process"]
    return Child([sys.executable, *arming, *map(str, arguments)], name=f"agent, SIGKILL at {point}")


def test_killed_at_every_step(tmp_path: Path, clean_kafka: str, topic: Topic, node: Node, pods: tuple[Pod, Pod]) -> None:
    """The second time that it is there, so that a window before it was counted in peace."""
    state, notes, calls = tmp_path / "state", tmp_path / "notes", 0
    state.mkdir()
    first = live.start(clean_kafka, state, node)
    wait_for(lambda: topic.grown(0), 30, "the first window")
    first.kill()
    first.wait()
    for point in AGENT_POINTS:
        with armed_agent(point, 2, notes, clean_kafka, state, node.cgroup, "n1", 1) as agent:
            while agent.running():
                call(*pods, 1, SIZE)
                calls += 1
            agent.wait(30, status=-signal.SIGKILL)
        call(*pods, 2, SIZE)
        calls += 2
    last = live.start(clean_kafka, state, node)
    try:
        wait_for(lambda: views(topic.poll()) == expected(calls, SIZE), 30, "every call")
    except AssertionError:
        assert views(topic.poll()) == expected(calls, SIZE)
    assert not [loss for batch in topic.poll() for loss in batch.losses]
    last.terminate()
    assert last.wait(20) == 0
    assert len({batch.epoch for batch in topic.poll()}) == 1
    assert notes.read_text().split() == list(AGENT_POINTS)
