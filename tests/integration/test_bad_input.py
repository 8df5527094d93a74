"""What cannot be used is put aside whole, with the reason; what stands before and behind it goes its way."""

from __future__ import annotations

import csv
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path

import pytest
from confluent_kafka import Message, Producer

from schemas.topics import DEAD_LETTER_TOPIC, FLOWS_TOPIC, OWNERSHIP_TOPIC
from schemas.wire.framing import Framer
from schemas.wire.ownership_codec import decode_changes
from tests.integration.bad_messages import (
    BYTES_SENT,
    OLDER_ID,
    ROWS,
    SECOND_US,
    START_US,
    Bad,
    bad_messages,
    good_batch,
    message,
    of_older_schema,
    older_schema,
)
from tests.integration.pipeline_support import Pipeline, read_topic, rows
from tests.support.kafka import delete_all_topics
from tests.support.processes import Child, run_weir

BAD = tuple(bad_messages())
HOSTILE = (
    "x'); DROP TABLE weir.flows; --",
    'y"; SELECT 1; \\',
    "`backtick` {param:String} %(name)s %s $1",
    "[bold red]markup[/] </td><script>",
    'comma, "quoted", tab-free',
    "=1+1",
    "naïve \u202e right-to-left \U0001f980",
    "\\N",
    "NULL",
    "é" * 256,
)
ALONE = "alone-in-the-future"


class Registry(BaseHTTPRequestHandler):
    """Knows one schema that was written by hand, takes every other, and counts from 100."""

    taken: list[str] = []

    def do_GET(self) -> None:
        number = int(self.path.rpartition("/")[2])
        known = {OLDER_ID: older_schema().text, **dict(enumerate(self.taken, 100))}
        self._answer(200 if number in known else 404, {"schema": known.get(number, "")})

    def do_POST(self) -> None:
        text = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["schema"]
        if text not in self.taken:
            self.taken.append(text)
        self._answer(200, {"id": 100 + self.taken.index(text)})

    def _answer(self, status: int, body: dict[str, object]) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        pass


class HandMadeRegistry:
    """`Registry` for a framer in this process: what a worker published under it can be read again."""

    def register(self, subject: str, schema: str) -> int:
        raise NotImplementedError

    def get_schema(self, schema_id: int) -> str | None:
        return dict(enumerate(Registry.taken, 100)).get(schema_id)


@contextmanager
def registry() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Registry) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@dataclass(frozen=True)
class Aftermath:
    pipeline: Pipeline
    worker: Child
    letters: dict[str, Message]  # by the bad message's name
    sent: dict[str, tuple[int, int]]  # partition and offset by the bad message's name


@pytest.fixture(scope="module")
def aftermath(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aftermath]:
    """Bad and good messages took turns on every partition, and a worker has read them all."""
    delete_all_topics(kafka)
    directory = tmp_path_factory.mktemp("bad")
    with registry() as url:
        pipeline = Pipeline(kafka, f"chdb://{directory / 'data'}", directory, {"schema_registry_url": url, "hold_seconds": 1})
        with pipeline.worker() as worker:
            sent = _send_all(kafka)
            pipeline.wait_until_read(worker)
            letters = {(letter.key() or b"").decode(): letter for letter in read_topic(kafka, DEAD_LETTER_TOPIC)}
            yield Aftermath(pipeline, worker, letters, sent)


def _send_all(kafka: str) -> dict[str, tuple[int, int]]:
    producer = Producer({"bootstrap.servers": kafka, "acks": "all"})
    places: dict[str, tuple[int, int]] = {}

    def send(name: str, value: bytes | None, partition: int) -> None:
        def note(error: object, place: Message) -> None:
            assert error is None, error
            places[name] = (place.partition() or 0, place.offset() or 0)

        producer.produce(FLOWS_TOPIC, value, name.encode(), partition, on_delivery=note, headers=[("from", b"a test")])

    for number, bad in enumerate(BAD):
        send(bad.name, bad.value, number % 8)
        send(f"good-{number}", message(good_batch(f"good-{number}")), number % 8)
    for number, name in enumerate(HOSTILE):
        send(f"hostile-{number}", message(good_batch(f"hostile-{number}", name)), number % 8)
    send("older", of_older_schema(good_batch("older")), 3)
    send(ALONE, message(good_batch(ALONE, start_us=START_US + 7_200 * SECOND_US)), 4)
    assert producer.flush(30) == 0
    return places


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_it_is_put_aside_whole_with_the_reason(aftermath: Aftermath, bad: Bad) -> None:
    letter = aftermath.letters[bad.name]
    assert letter.value() == (bad.value or b"")
    headers = dict(letter.headers() or ())
    reason = (headers["weir-reason"] or b"").decode()
    assert bad.reason in reason
    assert "\n" not in reason and len(reason) < 600
    partition, offset = aftermath.sent[bad.name]
    assert headers["weir-source"] == f"weir.flows:{partition}:{offset}".encode()
    assert headers["from"] == b"a test"


def test_nothing_else_is_put_aside_and_nothing_else_is_lost(aftermath: Aftermath) -> None:
    assert len(aftermath.letters) == len(BAD)
    good = [f"good-{number}" for number in range(len(BAD))] + [f"hostile-{number}" for number in range(len(HOSTILE))] + ["older", ALONE]
    with aftermath.pipeline.sink() as sink:
        found = rows(sink, "SELECT node_id, count(), sum(bytes_sent) FROM weir.flows GROUP BY node_id")
        losses = rows(sink, "SELECT * FROM weir.losses")
    assert sorted(found) == sorted((name, ROWS, ROWS * BYTES_SENT) for name in good)
    assert losses == []
    assert aftermath.worker.running()


def test_a_refused_message_teaches_nobody(aftermath: Aftermath) -> None:
    """The window in the far future says that an address is mallory's; no worker may pass that on."""
    framer, told = Framer(HandMadeRegistry()), set[str]()
    for record in read_topic(aftermath.pipeline.bootstrap, OWNERSHIP_TOPIC):
        framed = framer.unframe(record.value() or b"")
        if framed.name == "OwnershipChanges":
            told.update(decode_changes(framed.body, framed.writer).names)
    assert {"checkout", *HOSTILE} <= told
    assert "mallory" not in told


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_a_hostile_name_is_a_name_in_every_table(aftermath: Aftermath, number: int) -> None:
    where = f"WHERE node_id = 'hostile-{number}'"
    with aftermath.pipeline.sink() as sink:
        for table in ("flows", "flows_1m", "flows_5m", "flows_1h"):
            assert set(rows(sink, f"SELECT local_workload FROM weir.{table} {where}")) == {(HOSTILE[number],)}  # noqa: S608
        owners = rows(sink, f"SELECT workload FROM weir.ownership WHERE network = 'net-hostile-{number}'")  # noqa: S608
    assert owners == [(HOSTILE[number],)]


def test_hostile_names_survive_every_output(aftermath: Aftermath) -> None:
    settings = aftermath.pipeline.settings
    sql = "SELECT DISTINCT local_workload AS name FROM weir.flows WHERE node_id LIKE 'hostile-%' ORDER BY name"
    lines = run_weir("query", sql, "--format", "json", settings=settings).stdout.splitlines()
    assert sorted(json.loads(line)["name"] for line in lines) == sorted(HOSTILE)
    table = list(csv.reader(StringIO(run_weir("query", sql, "--format", "csv", settings=settings).stdout, newline="")))
    assert sorted(name for (name,) in table[1:]) == sorted(HOSTILE)
    shown = run_weir("query", sql, settings=settings).stdout
    assert all(_shown(name) in shown for name in HOSTILE)


def test_hostile_names_survive_the_tail(aftermath: Aftermath) -> None:
    settings = aftermath.pipeline.settings
    count = ROWS * (len(BAD) + len(HOSTILE) + 2)
    lines = run_weir("tail", "--from-beginning", "--format", "json", "--count", str(count), settings=settings).stdout.splitlines()
    assert {json.loads(line)["local_workload"] for line in lines} == {"checkout", *HOSTILE}
    shown = run_weir("tail", "--from-beginning", "--count", str(count), settings=settings).stdout
    assert all(_shown(name) in shown for name in HOSTILE)
    assert len(shown.splitlines()) == count + 1


def _shown(name: str) -> str:
    """As people see it: what would move their cursor is spelt out."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in name)


def test_a_replay_refuses_bad_lines_by_number_and_goes_on(clean_kafka: str, tmp_path: Path) -> None:
    flow = {"kind": "flow", "node_id": "n1", "epoch": 1, "window_start": "2026-01-01T00:00:00Z", "window_seconds": 10}
    flow |= {"local_ip": "10.0.0.1", "remote_ip": "10.0.0.2", "protocol": "tcp", "local_workload": "checkout"}
    bad: dict[bytes, str] = {
        b"{": "not JSON",
        b"\xff\xfe": "not JSON",
        _line(flow, local_workload="check\nout"): "U+000A",
        _line(flow, local_workload="x" * 10_000): "10000 bytes long",
        _line(flow, bytes_sent=2**63): f"bytes_sent is {2**63}",
        _line(flow, bytes_sent=10**400): "not JSON",
        _line(flow, bytes_sent=-1): "bytes_sent is -1",
        _line(flow, window_start="2300-01-01T00:00:00Z"): "between 1970 and 2106",
        _line(flow, remote_ip="10.0.0.256"): "10.0.0.256",
        _line(flow, bytes_sen=1): "did you mean bytes_sent?",
    }
    lines = [line for bad_line in bad for line in (bad_line, _line(flow, service_port=len(bad_line) % 65_536))]
    path = tmp_path / "bad.jsonl"
    path.write_bytes(b"\n".join(lines))
    done = run_weir("replay", path, "--speed", "0", settings={"kafka_bootstrap": clean_kafka})
    assert f"{len(bad)} flows" in done.stdout and f"{len(bad)} lines refused" in done.stdout
    for number, reason in enumerate(bad.values()):
        (told,) = [said for said in done.stderr.splitlines() if said.startswith(f"line {2 * number + 1}: ")]
        assert reason in told and len(told) < 400


def _line(flow: dict[str, object], **changes: object) -> bytes:
    return json.dumps({**flow, **changes}).encode()
