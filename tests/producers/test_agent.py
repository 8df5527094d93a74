"""The whole agent: real kernel, real Kafka, and a process that is killed. What was sent arrives, once, named."""

from __future__ import annotations

import ipaddress
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from producers.agent import AgentSettings, run_agent
from producers.spool.segment import unpack
from schemas.errors import SettingError
from schemas.records.flow_batch import ROLE_CLIENT, ROLE_SERVER, FlowBatch
from schemas.topics import FLOWS_TOPIC
from tests.producers.fakes import MAPPED, read
from tests.support.kafka import KafkaServer
from tests.support.processes import PATIENCE, ROOT, as_nobody, wait_for
from weir.lab import Lab, Node, Pod

SERVER = """
import socket
listener = socket.create_server(("0.0.0.0", 5432))
print("ready", flush=True)
while True:
    peer, _ = listener.accept()
    while data := peer.recv(65536):
        peer.sendall(data)
    peer.close()
"""
CLIENT = """
import socket, sys
for _ in range(int(sys.argv[2])):
    with socket.create_connection((sys.argv[1], 5432)) as link:
        link.sendall(bytes(int(sys.argv[3])))
        link.shutdown(socket.SHUT_WR)
        while link.recv(65536):
            pass
"""


@pytest.fixture
def node() -> Iterator[Node]:
    with Lab("agent") as lab:
        yield lab.node("n1")


@pytest.fixture
def pods(node: Node) -> Iterator[tuple[Pod, Pod]]:
    """A client's pod and a server's, the server listening on 5432."""
    client, server = node.pod("checkout"), node.pod("db")
    process = server.popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    yield client, server
    process.stdout.close()


def call(client: Pod, server: Pod, times: int, size: int) -> None:
    client.run([sys.executable, "-c", CLIENT, server.ipv4, str(times), str(size)])


def spooled(state_dir: Path) -> list[FlowBatch]:
    segments = [unpack(path.read_bytes()) for path in sorted((state_dir / "spool").glob("*.seg"))]
    return [read(record.message) for segment in segments if segment for record in segment.records]


def start(kafka: str, state_dir: Path, node: Node, **more: object) -> subprocess.Popen[bytes]:
    """`more`: fields of AgentSettings."""
    arguments = [kafka, str(state_dir), str(node.cgroup), "n1", "1", json.dumps(more)]
    command = [sys.executable, "-m", "tests.producers.agent_process", *arguments]
    with (state_dir.parent / "agent.log").open("ab") as log:
        return subprocess.Popen(command, cwd=ROOT, stderr=log)


class Topic:
    """All that weir.flows holds of node n1."""

    def __init__(self, kafka: str) -> None:
        admin = AdminClient({"bootstrap.servers": kafka})
        if FLOWS_TOPIC not in admin.list_topics(timeout=10).topics:
            admin.create_topics([NewTopic(FLOWS_TOPIC, 1, 1)])[FLOWS_TOPIC].result(10)
        self._consumer = Consumer({"bootstrap.servers": kafka, "group.id": "test-producers", "enable.auto.commit": False})
        # The broker that answers need not have heard yet of what another part of it has made.
        found = wait_for(lambda: admin.list_topics(timeout=10).topics.get(FLOWS_TOPIC), 10, "the topic to be known")
        partitions = len(found.partitions) or 1
        self._consumer.assign([TopicPartition(FLOWS_TOPIC, number, 0) for number in range(partitions)])
        self.batches: list[FlowBatch] = []

    def poll(self) -> list[FlowBatch]:
        while (message := self._consumer.poll(0.2)) is not None:
            value = message.value()
            if message.error() is None and value is not None:
                self.batches.append(read(value))
        return self.batches

    def grown(self, since: int) -> bool:
        return len(self.poll()) > since

    def close(self) -> None:
        self._consumer.close()


@pytest.fixture
def topic(clean_kafka: str) -> Iterator[Topic]:
    opened = Topic(clean_kafka)
    yield opened
    opened.close()


def views(batches: list[FlowBatch]) -> dict[tuple[str, int], tuple[int, int, int]]:
    """(workload, role) to payload sent, payload received and connections, each flow of each window once."""
    seen: dict[tuple[object, ...], tuple[str, int, int, int, int]] = {}
    for batch in batches:
        flows = batch.flows
        for i in range(len(flows)):
            workload = batch.workloads[flows.local_workload[i]]
            flow = (workload, int(flows.role[i]), flows.remote_ip[i].tobytes(), int(flows.service_port[i]))
            key = (batch.epoch, batch.window_start_us, *flow)
            counts = (int(flows.payload_bytes_sent[i]), int(flows.payload_bytes_received[i]), int(flows.connections_opened[i]))
            assert key not in seen or seen[key][2:] == counts
            seen[key] = (workload, int(flows.role[i]), *counts)
    result: dict[tuple[str, int], tuple[int, int, int]] = {}
    for workload, role, sent, received, opened in seen.values():
        a, b, c = result.get((workload, role), (0, 0, 0))
        result[workload, role] = (a + sent, b + received, c + opened)
    return result


def expected(times: int, size: int) -> dict[tuple[str, int], tuple[int, int, int]]:
    total = times * size
    return {("checkout", ROLE_CLIENT): (total, total, times), ("db", ROLE_SERVER): (total, total, times)}


def test_what_was_sent_is_spooled_named_and_exact_without_kafka(tmp_path: Path, node: Node, pods: tuple[Pod, Pod]) -> None:
    stop = threading.Event()
    settings = AgentSettings("127.0.0.1:9", tmp_path, "n1", cgroup=node.cgroup, window_seconds=1, remove_on_exit=True, drain_seconds=0.1)
    agent = threading.Thread(target=run_agent, args=(settings, stop))
    agent.start()
    wait_for(lambda: len(spooled(tmp_path)) > 1, 20, "two windows")
    call(*pods, 23, 7919)
    stop.set()
    agent.join()
    batches = spooled(tmp_path)
    assert views(batches) == expected(23, 7919)
    assert not [loss for batch in batches for loss in batch.losses]
    assert [batch.seq for batch in batches] == list(range(len(batches)))
    held = {(b.workloads[b.heartbeats.workload[i]], b.heartbeats.ip[i].tobytes()[12:]) for b in batches for i in range(len(b.heartbeats))}
    assert ("db", ipaddress.ip_address(pods[1].ipv4).packed) in held
    assert ("checkout", ipaddress.ip_address(pods[0].ipv4).packed) in held
    bounds = [(int(b.heartbeats.start_us.min()), int(b.heartbeats.end_us.max())) for b in batches if len(b.heartbeats)]
    assert len(bounds) > 1
    assert all(after[0] >= before[0] for before, after in zip(bounds, bounds[1:], strict=False))


def test_a_new_pods_address_is_its_own_before_its_first_packet(tmp_path: Path, node: Node) -> None:
    """By as much as two clocks may differ, so that the other end's first flow to it gets its name."""
    stop = threading.Event()
    settings = AgentSettings("127.0.0.1:9", tmp_path, "n1", cgroup=node.cgroup, window_seconds=2, remove_on_exit=True, drain_seconds=0.1)
    agent = threading.Thread(target=run_agent, args=(settings, stop))
    agent.start()
    wait_for(lambda: spooled(tmp_path), 20, "the first window")
    client, server = node.pod("checkout"), node.pod("db")
    process = server.popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    ready = time.monotonic() + 1
    wait_for(lambda: time.monotonic() > ready, 5, "a pod that is no longer brand-new")
    call(client, server, 3, 1009)
    stop.set()
    agent.join()
    process.stdout.close()
    address, begun, spoke = MAPPED + ipaddress.ip_address(server.ipv4).packed, [], []
    for batch in spooled(tmp_path):
        beats, flows = batch.heartbeats, batch.flows
        begun += [int(beats.start_us[i]) for i in range(len(beats)) if beats.ip[i].tobytes() == address]
        spoke += [int(flows.first_seen_us[i]) for i in range(len(flows)) if flows.local_ip[i].tobytes() == address]
    assert min(begun) + 250_000 < min(spoke)


def test_a_killed_agents_counts_are_taken_up_and_arrive_once(
    tmp_path: Path, clean_kafka: str, topic: Topic, node: Node, pods: tuple[Pod, Pod]
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    calls = 0
    for round_ in range(5):
        agent = start(clean_kafka, state, node)
        wait_for(partial(topic.grown, len(topic.poll())), 30, "the agent's next window")
        for _ in range(3):
            call(*pods, 1, 1009)
            calls += 1
        time.sleep(0.13 * round_)  # Dies at another point of its window each time; nothing waits for this.
        agent.kill()
        agent.wait()
        call(*pods, 2, 1009)
        calls += 2
    agent = start(clean_kafka, state, node)
    wait_for(lambda: views(topic.poll()) == expected(calls, 1009), 20, f"{calls} calls, seen {views(topic.batches)}")
    agent.terminate()
    assert agent.wait(20 * PATIENCE) == 0
    assert len({batch.epoch for batch in topic.poll()}) == 1
    assert not list((state / "spool").glob("*.seg"))


def test_kafka_may_come_later(tmp_path: Path, fresh_kafka: KafkaServer, node: Node, pods: tuple[Pod, Pod]) -> None:
    Topic(fresh_kafka.bootstrap).close()
    fresh_kafka.stop()
    state = tmp_path / "state"
    state.mkdir()
    agent = start(fresh_kafka.bootstrap, state, node)
    wait_for(lambda: len(spooled(state)) >= 2, 20, "two windows in the spool")
    call(*pods, 7, 613)
    fresh_kafka.start()
    topic = Topic(fresh_kafka.bootstrap)
    wait_for(lambda: views(topic.poll()) == expected(7, 613), 40, "the spooled windows on Kafka")
    wait_for(lambda: not spooled(state), 20, "an empty spool")
    topic.close()
    agent.terminate()
    assert agent.wait(20 * PATIENCE) == 0


def test_the_resident_agent_carries_no_library_of_the_workers(tmp_path: Path) -> None:
    heavy = ("pyarrow", "polars", "chdb", "typer", "rich", "faust", "pydantic", "pyroute2", "bcc")
    heavy += ("asyncio", "ssl", "confluent_kafka", "importlib.resources", "numpy.ma", "tomllib", "secrets", "tempfile")
    heavy += ("http.client", "http.server", "urllib.request", "email", "prometheus_client", "importlib.metadata")
    script = f"import sys, producers.agent; print([name for name in {heavy} if name in sys.modules])"
    command, path = [sys.executable, "-S", "-c", script], os.pathsep.join(sys.path)  # as `weir agent` starts it, without site
    answer = subprocess.run(command, cwd=ROOT, env={"PYTHONPATH": path}, capture_output=True, text=True, check=True).stdout
    assert answer.strip() == "[]"


def test_the_kafka_client_is_one_with_the_packages() -> None:
    script = "import producers.publish.publisher as p, confluent_kafka as c; print(p.Producer is c.Producer, p.KafkaError is c.KafkaError)"
    answer = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert answer.strip() == "True True"


def refused(**settings: object) -> None:
    run_agent(AgentSettings("127.0.0.1:9", **settings), threading.Event())  # type: ignore[arg-type]


def test_a_wrong_names_file_stops_it_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "names.toml").write_text("names = 1")
    with pytest.raises(SettingError, match="names.toml"):
        refused(state_dir=tmp_path, names_file=tmp_path / "names.toml")


def test_a_cgroup_that_is_not_there_stops_it_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="no-such-cgroup"):
        refused(state_dir=tmp_path, cgroup=Path("no-such-cgroup"))


def test_a_state_directory_that_cannot_be_written_stops_it_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingError, match="WEIR_STATE_DIR"):
        refused(state_dir=tmp_path / "file" / "state")


def test_missing_privileges_are_one_sentence() -> None:
    script = (
        "import threading, tempfile, pathlib; from producers.agent import *\n"
        "from schemas.errors import CaptureError\n"
        "try: run_agent(AgentSettings('127.0.0.1:9', pathlib.Path(tempfile.mkdtemp())), threading.Event())\n"
        "except CaptureError as error: print(error)"
    )
    command = [*as_nobody(), sys.executable, "-B", "-c", script]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": "/tmp"}
    answer = subprocess.run(command, cwd="/", env=environment, capture_output=True, text=True, check=False)
    assert "root" in answer.stdout, answer.stderr
    assert answer.stdout.count("\n") == 1


def test_a_socket_that_another_workload_uses_has_one_name(node: Node, tmp_path: Path) -> None:
    """A process listens in one cgroup and is moved to another: its own view and what others hear of it agree."""
    client, launcher, db = node.pod("checkout"), node.pod("launcher"), node.pod("db")
    server = launcher.popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE)
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n"
    (db.cgroup / "cgroup.procs").write_text(str(server.pid))
    address = ipaddress.ip_address(launcher.ipv4).packed
    state_dir = tmp_path / "state"
    state_dir.mkdir()
    agent = start("127.0.0.1:1", state_dir, node)

    def names() -> set[str]:
        return {
            batch.workloads[batch.flows.local_workload[row]]
            for batch in spooled(state_dir)
            for row in range(len(batch.flows))
            if batch.flows.role[row] == ROLE_SERVER and batch.flows.local_ip[row].tobytes() == MAPPED + address
        }

    try:
        wait_for(lambda: len({batch.window_start_us for batch in spooled(state_dir)}) >= 2, 30, "two windows")
        call(client, launcher, 5, 1_000)
        assert wait_for(names, 30, "the server's view") == {"db"}
        holders = {
            batch.workloads[batch.heartbeats.workload[row]]
            for batch in spooled(state_dir)
            for row in range(len(batch.heartbeats))
            if batch.heartbeats.ip[row].tobytes() == MAPPED + address
        }
        assert holders == {"db"}
    finally:
        agent.terminate()
        agent.wait(30)
        server.stdout.close()
