"""Dead letters on a real Kafka: listed, shown, replayed to where they came from; what fails again is put aside again."""

from __future__ import annotations

import csv
import json
import time
from io import StringIO
from pathlib import Path

from confluent_kafka import Producer

from schemas.topics import DEAD_LETTER_TOPIC, FLOWS_TOPIC
from schemas.wire.codec import encode_batch
from schemas.wire.framing import frame
from tests.integration.bad_messages import BYTES_SENT, ROWS, good_batch, message
from tests.integration.pipeline_support import GROUP, Pipeline, read_topic, rows
from tests.support.offsets import committed_offsets
from tests.support.processes import run_weir


def put(bootstrap: str, name: str, value: bytes, partition: int) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all"})
    producer.produce(FLOWS_TOPIC, value, name.encode(), partition, headers=[("from", b"a test")])
    assert producer.flush(30) == 0


def listed(settings: dict[str, object], *arguments: str) -> list[dict[str, object]]:
    done = run_weir("dead-letter", "list", "--format", "json", *arguments, settings=settings)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_letter_is_replayed_and_what_fails_again_is_a_letter_again(clean_kafka: str, tmp_path: Path) -> None:
    """One message is refused for a setting of its worker, and deserves another try; the other is torn and stays so."""
    soon_us = (int(time.time()) + 3_600) * 1_000_000
    early = frame("FlowBatch", encode_batch(good_batch("early", start_us=soon_us)))
    whole = message(good_batch("torn"))
    strict = Pipeline(clean_kafka, f"chdb://{tmp_path / 'data'}", tmp_path, {"hold_seconds": 1, "future_seconds": 60})
    with strict.worker() as worker:
        put(clean_kafka, "early", early, 3)
        put(clean_kafka, "torn", whole[:-3], 5)
        strict.wait_until_read(worker)
        worker.stop()
    letters = listed(strict.settings)
    assert sorted((letter["source"], letter["first"]) for letter in letters) == [("weir.flows:3:0",) * 2, ("weir.flows:5:0",) * 2]
    raw = run_weir("dead-letter", "show", "weir.flows:5:0", "--format", "json", settings=strict.settings).stdout
    assert json.loads(raw)["key"] == "torn"
    done = run_weir("dead-letter", "replay", "--all", settings=strict.settings)
    assert done.stdout == "replayed 2 messages to weir.flows\n"
    patient = strict.having(future_seconds=86_400)
    with patient.worker() as worker:
        patient.wait_until_read(worker)
        worker.stop()
    with patient.sink() as sink:
        found = rows(sink, "SELECT node_id, count(), sum(bytes_sent) FROM weir.flows GROUP BY node_id")
    assert found == [("early", ROWS, ROWS * BYTES_SENT)]
    (again,) = [letter for letter in listed(strict.settings) if letter["source"] != letter["first"]]
    assert (again["source"], again["first"]) == ("weir.flows:5:1", "weir.flows:5:0")
    last = read_topic(clean_kafka, DEAD_LETTER_TOPIC)[-1]
    assert (last.value(), last.key(), dict(last.headers() or ())["from"]) == (whole[:-3], b"torn", b"a test")
    assert run_weir("dead-letter", "replay", "--reason", "TORN", settings=strict.settings).stdout == "replayed 1 message to weir.flows\n"


def test_a_list_and_its_formats(clean_kafka: str) -> None:
    settings: dict[str, object] = {"kafka_bootstrap": clean_kafka}
    run_weir("topics", settings=settings)
    assert run_weir("dead-letter", "list", "--format", "json", settings=settings).stdout == ""
    producer = Producer({"bootstrap.servers": clean_kafka, "acks": "all"})
    for number in range(23):
        reason = f'broken, "so" {number}'.encode()
        headers = [("weir-reason", reason), ("weir-source", f"weir.flows:1:{number}".encode())]
        producer.produce(DEAD_LETTER_TOPIC, bytes([number]) * 1_000, b"n1", headers=headers)
    assert producer.flush(30) == 0
    table = list(csv.reader(StringIO(run_weir("dead-letter", "list", "--format", "csv", settings=settings).stdout, newline="")))
    assert table[0] == ["letter", "at", "source", "first", "bytes", "reason"]
    assert [row[5] for row in table[1:]] == [f'broken, "so" {number}' for number in range(23)]
    done = run_weir("dead-letter", "list", "--count", "2", settings=settings)
    assert "weir.flows:1:22" in done.stdout and "weir.flows:1:20" not in done.stdout
    assert "21 older letters are not shown" in done.stderr
    with_seven = listed(settings, "--reason", 'SO" 7')
    assert [letter["letter"] for letter in with_seven] == ["0:7"]
    assert "BrokenPipe" not in done.stderr
    raw = run_weir("dead-letter", "show", "0:7", "--format", "raw", settings=settings).stdout
    assert raw == "\x07" * 1_000


def test_what_is_not_there_is_said_in_one_sentence(clean_kafka: str) -> None:
    settings: dict[str, object] = {"kafka_bootstrap": clean_kafka}
    absent = run_weir("dead-letter", "list", settings=settings, status=1)
    assert absent.stderr == f"Kafka at {clean_kafka} has no topic weir.dead-letter: create it with `weir topics`.\n"
    run_weir("topics", settings=settings)
    for action in ("show", "replay"):
        done = run_weir("dead-letter", action, "0:4", settings=settings, status=1)
        assert (
            done.stderr == "The topic weir.dead-letter holds no letter weir.dead-letter:0:4: `weir dead-letter list` shows what it holds.\n"
        )
    wrong = run_weir("dead-letter", "show", "four", settings=settings, status=2)
    assert "'four' is no letter" in wrong.stderr


def test_a_wrong_schema_throws_no_topic_away(clean_kafka: str, tmp_path: Path) -> None:
    """However often the worker is started: nothing is put aside or committed until somebody says so."""
    pipeline = Pipeline(clean_kafka, f"chdb://{tmp_path / 'data'}", tmp_path, {"hold_seconds": 1})
    run_weir("topics", settings=pipeline.settings)
    producer = Producer({"bootstrap.servers": clean_kafka, "acks": "all"})
    for number in range(150):
        producer.produce(FLOWS_TOPIC, b"\xc3\x01" + bytes(8) + bytes([number]), b"n1", number % 8)
    assert producer.flush(30) == 0
    for _ in range(2):
        done = run_weir("worker", settings=pipeline.settings, status=1)
        said = done.stderr.splitlines()[-1]
        assert said.startswith(
            "100 of the last 100 messages cannot be used, more than WEIR_DEAD_LETTER_SHARE=0.5 allows, since weir.flows:"
        )
        assert "unknown schema, fingerprint 0000000000000000" in said and said.endswith("to put all of them aside.")
        assert committed_offsets(clean_kafka, GROUP, FLOWS_TOPIC) == {}
        assert read_topic(clean_kafka, DEAD_LETTER_TOPIC) == []
    willing = pipeline.having(dead_letter_share=1)
    with willing.worker() as worker:
        willing.wait_until_read(worker)
        worker.stop()
    assert len(read_topic(clean_kafka, DEAD_LETTER_TOPIC)) == 150
