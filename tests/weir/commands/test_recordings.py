"""`weir replay`, `weir record` and `weir ip-events` against a real Kafka."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from schemas.topics import FLOWS_TOPIC, IP_EVENTS_TOPIC
from schemas.wire.codec import decode_ip_event
from schemas.wire.framing import unframe
from schemas.wire.schema_files import released
from tests.integration.pipeline_support import read_topic
from tests.support.processes import run_weir, weir
from weir.kafka.follow import follow
from weir.settings.catalogue import Settings

WINDOW = {"node_id": "n1", "epoch": 1, "window_start": "2026-01-01T00:00:00Z", "window_seconds": 10}
FLOW = {
    "kind": "flow",
    **WINDOW,
    "local_ip": "10.0.0.1",
    "remote_ip": "10.0.0.2",
    "service_port": 5432,
    "protocol": "tcp",
    "role": "client",
}
HEARTBEAT = {"kind": "heartbeat", **WINDOW, "addresses": [{"ip": "10.0.0.1", "workload": "checkout"}]}
LOSS = {"kind": "loss", **WINDOW, "stage": "agent", "reason": "map_full", "packets": 3, "bytes": 180}
EVENT = {"kind": "ip_event", "ip": "10.9.0.1", "workload": "lb-public", "event": "assigned", "at": "2026-01-01T00:00:05Z"}


def recording(path: Path, lines: list[Any]) -> Path:
    path.write_text("".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines))
    return path


def recorded(kafka: str, path: Path, lines: int) -> list[dict[str, Any]]:
    run_weir("record", path, "--from-beginning", "--count", str(lines), settings={"kafka_bootstrap": kafka})
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("speed", ["0", "1", "1000"])
def test_what_is_replayed_is_recorded(clean_kafka: str, tmp_path: Path, speed: str) -> None:
    flows = [{**FLOW, "service_port": port, "bytes_sent": 7919 + port, "local_workload": "checkout"} for port in range(1, 24)]
    source = recording(tmp_path / "in.jsonl", [*flows[:11], HEARTBEAT, EVENT, LOSS, *flows[11:]])
    done = run_weir("replay", source, "--speed", speed, settings={"kafka_bootstrap": clean_kafka, "region": "eu"})
    assert done.stdout == f"replayed {2 if speed == '0' else 1} batches, 23 flows, 1 heartbeats, 1 losses, 1 ip events, 0 lines refused\n"
    out = recorded(clean_kafka, tmp_path / "out.jsonl", 25)
    assert Counter(line["kind"] for line in out) == {"flow": 23, "heartbeat": 1, "loss": 1}
    assert out[0]["kind"] == "heartbeat", "owners are told before their flows"
    assert {(line["service_port"], line["bytes_sent"]) for line in out if line["kind"] == "flow"} == {
        (f["service_port"], f["bytes_sent"]) for f in flows
    }
    assert {line["region"] for line in out} == {"eu"}


def test_a_recording_may_be_replayed_for_older_workers(clean_kafka: str, tmp_path: Path) -> None:
    source = recording(tmp_path / "in.jsonl", [{**FLOW, "bytes_sent": 7919, "connections_refused": 3}])
    run_weir("replay", source, "--speed", "0", settings={"kafka_bootstrap": clean_kafka, "flow_batch_version": 1})
    messages = [message.value() or b"" for message in read_topic(clean_kafka, FLOWS_TOPIC)]
    assert len(messages) == 2, "the flow, and the node's last word"
    for message in messages:
        framed = unframe(message)
        assert framed.writer.fingerprint == released("FlowBatch", 1).fingerprint
    assert recorded(clean_kafka, tmp_path / "out.jsonl", 1)[0]["bytes_sent"] == 7919


def test_refused_lines_are_told_with_number_and_reason_and_the_others_go_on(clean_kafka: str, tmp_path: Path) -> None:
    bad = [{**FLOW, "bytes_sent": -1}, "no json\n", {**FLOW, "byte_sent": 3}, *["{}\n"] * 30]
    source = recording(tmp_path / "in.jsonl", [FLOW, *bad, "\n", {**FLOW, "service_port": 80}])
    done = run_weir("replay", source, "--speed", "0", settings={"kafka_bootstrap": clean_kafka})
    assert done.stdout.endswith("2 flows, 0 heartbeats, 0 losses, 0 ip events, 33 lines refused\n")
    assert "line 3: The line is not JSON" in done.stderr
    assert "line 4: " in done.stderr and "bytes_sent" in done.stderr
    assert done.stderr.count("\nline ") < 25 and "More lines are refused" in done.stderr


def test_a_recording_without_a_usable_line_fails(clean_kafka: str, tmp_path: Path) -> None:
    source = recording(tmp_path / "in.jsonl", ["{}\n"])
    done = run_weir("replay", source, "--speed", "0", settings={"kafka_bootstrap": clean_kafka}, status=1)
    assert "line 1: " in done.stderr and "1 lines refused" in done.stdout


def test_an_absent_recording_and_an_absent_kafka_are_told_apart(tmp_path: Path) -> None:
    source = recording(tmp_path / "in.jsonl", [FLOW])
    settings = {"kafka_bootstrap": "127.0.0.1:9"}
    absent = run_weir("replay", tmp_path / "absent.jsonl", settings=settings, status=2)
    assert "absent.jsonl does not exist" in absent.stderr
    away = run_weir("replay", source, settings=settings, status=1)
    assert away.stderr.startswith("Kafka at 127.0.0.1:9 does not answer") and away.stdout == ""


def test_sigterm_ends_a_paced_replay_cleanly(clean_kafka: str, tmp_path: Path) -> None:
    later = {**FLOW, "window_start": "2026-01-01T01:00:00Z"}
    source = recording(tmp_path / "in.jsonl", [FLOW, later])
    run_weir("topics", settings={"kafka_bootstrap": clean_kafka})
    with weir("replay", source, settings={"kafka_bootstrap": clean_kafka}) as replay:
        assert recorded(clean_kafka, tmp_path / "out.jsonl", 1)[0]["window_start"] == WINDOW["window_start"]
        replay.stop(status=0)
    assert replay.stdout.startswith("replayed 1 batches, 1 flows")


def test_ip_events_take_events_only(clean_kafka: str, tmp_path: Path) -> None:
    gone = {**EVENT, "event": "unassigned", "workload": "", "network": "vpc-1"}
    source = recording(tmp_path / "in.jsonl", [FLOW, EVENT, HEARTBEAT, gone, {**EVENT, "at": "noon"}, "x\n"])
    done = run_weir("ip-events", source, settings={"kafka_bootstrap": clean_kafka})
    assert done.stdout == "published 2 ip events, 2 lines refused\n"
    assert "line 5: 'noon'" in done.stderr and "line 6: " in done.stderr
    assert events(clean_kafka, 2) == [("default", "lb-public", True), ("vpc-1", "", False)]


def events(kafka: str, count: int) -> list[tuple[str, str, bool]]:
    import threading

    messages = follow(Settings(kafka_bootstrap=kafka), IP_EVENTS_TOPIC, threading.Event(), from_beginning=True)
    decoded = [decode_ip_event(unframe(next(messages)).body) for _ in range(count)]
    messages.close()
    return [(event.network, event.workload, event.assigned) for event in decoded]


def test_record_ends_after_its_duration_and_starts_with_now(clean_kafka: str, tmp_path: Path) -> None:
    settings = {"kafka_bootstrap": clean_kafka}
    source = recording(tmp_path / "in.jsonl", [FLOW])
    run_weir("replay", source, settings=settings)
    done = run_weir("record", tmp_path / "out.jsonl", "--duration", "1", settings=settings)
    assert done.stdout == f"recorded 0 lines to {tmp_path / 'out.jsonl'}\n"


def test_record_to_stdout_follows_until_sigterm(clean_kafka: str, tmp_path: Path) -> None:
    settings = {"kafka_bootstrap": clean_kafka}
    run_weir("topics", settings=settings)
    with weir("record", "-", settings=settings) as record:
        record.line("following weir.flows")
        run_weir("replay", recording(tmp_path / "in.jsonl", [FLOW, LOSS]), settings=settings)
        record.line('"kind":"loss"')
        record.stop(status=0)
    assert [json.loads(line)["kind"] for line in record.stdout.splitlines()] == ["flow", "loss"]


def test_record_without_topics_names_the_command(clean_kafka: str, tmp_path: Path) -> None:
    done = run_weir("record", tmp_path / "out.jsonl", settings={"kafka_bootstrap": clean_kafka}, status=1)
    assert "has no topic weir.flows: create it with `weir topics`." in done.stderr
