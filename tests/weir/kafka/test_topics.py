"""Topics on a real Kafka: created once, by anybody, and judged as they are."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from schemas.errors import Unavailable
from schemas.topics import FINDINGS_TOPIC, OWNERSHIP_TOPIC, TOPICS
from tests.support.kafka import KafkaServer
from tests.support.processes import PATIENCE, run_weir, weir
from weir.kafka.topics import create_topics, ensure_topics, topic_states
from weir.settings.catalogue import Settings


def test_check_reports_and_creates_nothing(clean_kafka: str) -> None:
    settings = Settings(kafka_bootstrap=clean_kafka)
    done = run_weir("topics", "--check", settings={"kafka_bootstrap": clean_kafka}, status=1)
    assert done.stdout.count("missing: run `weir topics`") == len(TOPICS)
    assert all(state.missing for state in topic_states(settings))


def test_topics_are_created_once_and_then_fit(clean_kafka: str) -> None:
    environment = {"kafka_bootstrap": clean_kafka}
    first = run_weir("topics", "--flow-partitions", "3", settings=environment)
    again = run_weir("topics", "--flow-partitions", "3", settings=environment)
    assert first.stdout.count("created") == len(TOPICS)
    assert "created" not in again.stdout and all(topic.name in again.stdout for topic in TOPICS)
    run_weir("topics", "--check", settings=environment)
    states = {state.topic.name: state.partitions for state in topic_states(Settings(kafka_bootstrap=clean_kafka))}
    assert states == {topic.name: topic.partitions for topic in TOPICS} | {"weir.flows": 3}


def test_many_at_once_do_not_disturb_each_other(clean_kafka: str) -> None:
    settings = Settings(kafka_bootstrap=clean_kafka)
    together = threading.Barrier(7)

    def create(_: int) -> tuple[str, ...]:
        together.wait(30 * PATIENCE)
        return create_topics(settings)

    with ThreadPoolExecutor(7) as pool:
        made = [name for names in pool.map(create, range(7)) for name in names]
    assert sorted(made) == sorted(topic.name for topic in TOPICS)


def test_topics_that_are_wrong_are_named_with_the_way_out(clean_kafka: str) -> None:
    admin = AdminClient({"bootstrap.servers": clean_kafka})
    wrong = [
        NewTopic(OWNERSHIP_TOPIC, 2, config={"cleanup.policy": "compact"}),
        NewTopic("weir.flows", 4, config={"cleanup.policy": "compact"}),
    ]
    for future in admin.create_topics(wrong).values():
        future.result(10)
    done = run_weir("topics", settings={"kafka_bootstrap": clean_kafka}, status=1)
    assert "2 partitions, and order needs exactly 1" in done.stdout
    assert "cleanup.policy is compact: set it to delete" in done.stdout


def test_a_kafka_that_is_away_is_named_within_seconds() -> None:
    started = time.monotonic()
    with pytest.raises(Unavailable, match=r"Kafka at 127.0.0.1:9 does not answer .*WEIR_KAFKA_BOOTSTRAP"):
        create_topics(Settings(kafka_bootstrap="127.0.0.1:9"), timeout=1)
    assert time.monotonic() - started < 10 * PATIENCE


def test_a_worker_waits_for_a_kafka_that_comes_later(fresh_kafka: KafkaServer) -> None:
    settings, stop = Settings(kafka_bootstrap=fresh_kafka.bootstrap), threading.Event()
    fresh_kafka.kill()
    waiting = threading.Thread(target=ensure_topics, args=(settings, stop), daemon=True)
    waiting.start()
    fresh_kafka.start()
    waiting.join(60 * PATIENCE)
    assert not waiting.is_alive()
    assert [state.topic.name for state in topic_states(settings) if state.complaint] == [FINDINGS_TOPIC]  # which no worker uses


def test_waiting_for_kafka_ends_cleanly_when_told_to(tmp_path: object) -> None:
    with weir(
        "worker", settings={"kafka_bootstrap": "127.0.0.1:9", "clickhouse_url": f"chdb://{tmp_path}/data", "state_dir": tmp_path}
    ) as worker:
        worker.line(r"does not answer .*Waiting for it", timeout=60)
        worker.stop(timeout=30, status=0)
