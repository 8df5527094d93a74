"""`weir tail` against a real Kafka, on messages as workers write them."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pyarrow as pa
import pytest

from producers.publish.publisher import Publisher
from schemas.records.tables import FLOWS
from schemas.topics import ATTRIBUTED_TOPIC
from schemas.wire.attributed import attributed_messages
from tests.support.processes import WEIR, run_weir, weir, weir_environment

NAMES = {
    "region": "eu",
    "network": "default",
    "node_id": "n1",
    "protocol": "tcp",
    "role": "client",
    "remote_source": "heartbeat",
    "remote_reason": "",
    "topic": "weir.flows",
    **dict.fromkeys(("local_zone", "remote_zone"), "eu-1a"),
    **dict.fromkeys(("remote_region", "remote_node_id", "remote_service", "remote_domain", "registrable_domain"), ""),
}
START_US = 1_767_225_600_000_000


def row(port: int, local: str = "checkout", remote: str = "db") -> dict[str, Any]:
    """A row of `flows`, with counters that tell it apart."""
    plain: dict[str, Any] = {field.name: port for field in FLOWS if pa.types.is_integer(field.type)}
    instants = {"window_start": START_US, "first_seen": START_US + 7, "last_seen": START_US + 10_000_000}
    addresses = {"local_ip": bytes(10) + b"\xff\xff\x0a\0\0\x01", "remote_ip": bytes(15) + b"\1"}
    plain |= {field.name: [0, port] for field in FLOWS if pa.types.is_list(field.type)}
    return {
        **plain,
        **NAMES,
        **instants,
        **addresses,
        "local_workload": local,
        "remote_workload": remote,
        "canonical": True,
        "window_seconds": 10,
    }


def publish(kafka: str, rows: list[dict[str, Any]], raw: tuple[bytes, ...] = ()) -> None:
    """`raw`: values that stand before the rows, in the partition of the first of them."""
    publisher = Publisher(kafka)
    messages = list(attributed_messages(pa.Table.from_pylist(rows, FLOWS)))
    for value in raw:
        publisher.produce(ATTRIBUTED_TOPIC, messages[0].key, value)
    for message in messages:
        publisher.produce(ATTRIBUTED_TOPIC, message.key, message.value)
    assert publisher.flush(30) == 0
    publisher.close()


@pytest.fixture
def topics(clean_kafka: str) -> str:
    run_weir("topics", settings={"kafka_bootstrap": clean_kafka})
    return clean_kafka


def test_json_is_one_flow_a_line_with_the_tables_columns(topics: str) -> None:
    publish(topics, [row(port) for port in range(1, 24)], raw=(b"torn", b""))
    done = run_weir("tail", "--format", "json", "--from-beginning", "--count", "23", settings={"kafka_bootstrap": topics})
    flows = [json.loads(line) for line in done.stdout.splitlines()]
    assert sorted(flow["bytes_sent"] for flow in flows) == list(range(1, 24))
    assert all(flow.keys() == set(FLOWS.names) for flow in flows)
    one = flows[0]
    assert (one["window_start"], one["first_seen"]) == ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000007Z")
    assert (one["local_ip"], one["remote_ip"], one["canonical"]) == ("::ffff:10.0.0.1", "::1", True)
    assert "left out a message" in done.stderr


def test_it_follows_from_now_and_ends_on_sigterm(topics: str) -> None:
    publish(topics, [row(11)])
    with weir("tail", settings={"kafka_bootstrap": topics}) as tail:
        tail.line("following weir.attributed")
        publish(topics, [row(23, remote="evil\x1b[2J"), row(29, local="", remote="")])
        tail.line(r"checkout +evil\\x1b\[2J +client +23 ")
        tail.line(r"::ffff:10.0.0.1 +::1 +client +29 ")
        tail.stop(status=0)
    assert len(tail.stdout.splitlines()) == 3 and "\x1b" not in tail.stdout


def test_a_filter_chooses_flows_by_their_ends_and_counts(topics: str) -> None:
    publish(topics, [row(11), row(23, remote="cache"), row(29, local="web"), row(31)])
    arguments = ("--format", "json", "--from-beginning", "--count", "1", "-q", "client=check* server=db port>11 failed>0")
    done = run_weir("tail", *arguments, settings={"kafka_bootstrap": topics})
    assert [json.loads(line)["service_port"] for line in done.stdout.splitlines()] == [31]


def test_a_filter_that_is_wrong_is_said_before_anything_is_followed() -> None:
    done = run_weir("tail", "-q", "client=a clinet=b", status=2)
    assert done.stderr.startswith("The filter is wrong at character 10: clinet is no field: did you mean client")


def test_without_the_topic_the_command_is_named(clean_kafka: str) -> None:
    done = run_weir("tail", settings={"kafka_bootstrap": clean_kafka}, status=1)
    assert "has no topic weir.attributed: create it with `weir topics`." in done.stderr


@pytest.mark.parametrize(("end", "said"), [("> /dev/full", "No space left on device"), (">&-", "standard output is closed")])
def test_a_full_or_closed_stdout_is_one_sentence(topics: str, end: str, said: str) -> None:
    publish(topics, [row(11)])
    command = f"{WEIR} tail --from-beginning --count 1 --format json {end}"
    environment = weir_environment({"kafka_bootstrap": topics})
    done = subprocess.run(["/bin/bash", "-c", command], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and said in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr and "Unexpected" not in done.stderr
