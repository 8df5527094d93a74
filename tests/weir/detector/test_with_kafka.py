"""Detectors over a real Kafka: killed at their points, two at a time, with receivers that go away. Each finding opens and closes once."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.errors import Unavailable
from schemas.records.finding_change import FindingsCheckpoint
from schemas.wire.framing import Framer
from streams.kafka import Kafka
from tests.simulator.answers.delivery import Story
from tests.support.clickhouse import EngineHost
from tests.support.processes import run_weir, wait_for
from tests.weir.detector.receivers import Mood
from tests.weir.detector.rig import judge, rigged
from weir.detector.kafka_log import KafkaLog
from weir.detector.positions import KafkaPositions, Position

POINTS = ("findings.sent", "findings.logged", "notice.delivered", "notice.kept")
"""Those where Kafka or a receiver knows more than the detector does. `test_lookout` dies at all others, too."""
LEADS = "this detector leads"
MOODS: tuple[Mood, ...] = ("well", "refuses", "hangs", "well")


@pytest.fixture
def host(tmp_path: Path) -> Iterator[EngineHost]:
    with EngineHost(tmp_path / "engine") as made:
        yield made


@pytest.fixture
def bootstrap(clean_kafka: str) -> str:
    run_weir("topics", settings={"kafka_bootstrap": clean_kafka})
    return clean_kafka


def test_each_finding_opens_and_closes_once_through_kills_and_one_leads_at_a_time(bootstrap: str, host: EngineHost) -> None:
    story = Story(seed=5, steps=22, each=1)
    with rigged(story, bootstrap, host) as rig:
        for number, point in enumerate(POINTS):
            with rig.detector(point, 2) as detector:
                rig.receivers.mood = MOODS[number]
                rig.tell(4 * (number + 1))
                if MOODS[number] != "well":
                    wait_for(lambda: rig.receivers.tries, 60, "a try")
                    rig.receivers.stop()
                    rig.receivers.mood = "well"
                    rig.receivers.start()
                detector.wait(60, status=-signal.SIGKILL)
        with rig.detector() as one, rig.detector() as other:
            rig.tell(4 * len(POINTS) + 2)
            wait_for(lambda: rig.looked == rig.told, 60, "a leader")
            leader, reserve = (one, other) if LEADS in one.stderr else (other, one)
            assert LEADS not in reserve.stderr
            leader.kill()
            rig.tell(story.steps)
            reserve.until(lambda: not judge(rig).wrong, 60, "the end of the story")
            assert reserve.stop() == 0
        assert judge(rig).opened > 5


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
