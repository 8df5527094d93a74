"""Detectors over a real Kafka: killed at their points, two at a time, with receivers that go away. Each finding opens and closes once."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.errors import Unavailable
from schemas.failpoints import DETECTOR_POINTS
from schemas.records.finding_change import FindingsCheckpoint
from schemas.wire.framing import Framer
from streams.kafka import Kafka
from tests.simulator.answers.delivery import Story
from tests.support.clickhouse import EngineHost
from tests.support.processes import run_weir, wait_for
from tests.weir.detector.rig import judge, rigged
from weir.detector.kafka_log import KafkaLog
from weir.detector.positions import KafkaPositions, Position


@pytest.fixture
def host(tmp_path: Path) -> Iterator[EngineHost]:
    with EngineHost(tmp_path / "engine") as made:
        yield made


@pytest.fixture
def bootstrap(clean_kafka: str) -> str:
    run_weir("topics", settings={"kafka_bootstrap": clean_kafka})
    return clean_kafka


def test_each_finding_opens_and_closes_once_through_kills(bootstrap: str, host: EngineHost) -> None:
    story = Story(seed=5, steps=24, each=1)
    with rigged(story, bootstrap, host) as rig:
        for number, point in enumerate(DETECTOR_POINTS):
            with rig.detector(point, 2) as detector:
                rig.tell(3 * (number + 1))
                if number == 3:
                    rig.receivers.stop()
                    rig.receivers.start()
                detector.wait(60, status=-signal.SIGKILL)
        with rig.detector() as detector:
            rig.tell(story.steps)
            detector.until(lambda: not judge(rig).wrong, 60, "the end of the story")
            detector.stop()
        assert judge(rig).opened > 5


def test_one_leads_and_the_other_takes_over(bootstrap: str, host: EngineHost) -> None:
    story = Story(seed=6, steps=8, each=1)
    with rigged(story, bootstrap, host) as rig, rig.detector() as one, rig.detector() as other:
        wait_for(lambda: "this detector leads" in one.stderr + other.stderr, 60, "a leader")
        first, second = (one, other) if "this detector leads" in one.stderr else (other, one)
        rig.tell(4)
        first.until(lambda: rig.receivers.hooks(), 60, "a notice")
        assert not re.search("leads$", second.stderr, re.MULTILINE)
        first.kill()
        rig.tell(story.steps)
        second.until(lambda: not judge(rig).wrong, 60, "the end of the story")
        assert second.stop() == 0


def test_a_former_leader_writes_no_more(bootstrap: str) -> None:
    kafka = Kafka(bootstrap)
    former = KafkaLog(kafka, Framer(), "weir-detector")
    former.append((), FindingsCheckpoint(1, 1))
    leader = KafkaLog(kafka, Framer(), "weir-detector")
    with pytest.raises(Unavailable, match="fenced"):
        former.append((), FindingsCheckpoint(2, 1))
    leader.append((), FindingsCheckpoint(3, 1))
    written = leader.read()
    assert written.checkpoint == FindingsCheckpoint(3, 1) and written.entries == ()


def test_a_position_is_kept_with_where_its_receiver_began(bootstrap: str) -> None:
    positions = KafkaPositions(Kafka(bootstrap), "weir-detector-webhook")
    assert positions.get() is None
    positions.put(Position(7, 5))
    positions.close()
    again = KafkaPositions(Kafka(bootstrap), "weir-detector-webhook")
    assert again.get() == Position(7, 5)
    again.close()
