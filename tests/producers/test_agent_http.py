"""A real agent's metrics, health and zone, while Kafka and the metadata service come and go."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bpf import sources
from bpf.probe import DOMAIN_ENTRIES
from producers.agent import AgentSettings, run_agent
from producers.capture.collector import Account, Collector
from producers.capture.window import Window
from producers.observe import progress
from schemas.records.flow_batch import FlowBatch
from tests.producers.test_agent import Topic, call, node, pods, spooled, start
from tests.producers.zone.fake_metadata import Answer, Asked, aws, fake_metadata
from tests.support.http import ask, health
from tests.support.kafka import KafkaServer, free_ports
from tests.support.processes import PATIENCE, wait_for, weir
from weir.lab import Node, Pod

__all__ = ["node", "pods"]  # fixtures


def scraped(port: int) -> dict[tuple[str, ...], float]:
    """Metric and label values to the sample."""
    status, text = ask(port, "/metrics")
    assert status == 200, text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    found = {(sample.name, *sample.labels.values()): sample.value for sample in samples}
    assert len(found) == len(samples), "a sample stands twice"
    return found


@contextmanager
def agent(kafka: str, state: Path, node: Node, **more: object) -> Iterator[subprocess.Popen[bytes]]:
    state.mkdir(exist_ok=True)
    process = start(kafka, state, node, **more)
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        assert process.wait(20 * PATIENCE) == 0
    finally:
        process.kill()
        process.wait()


def reaches(port: int, condition: Callable[[dict[tuple[str, ...], float]], bool], what: str) -> dict[tuple[str, ...], float]:
    """The first scrape of which the condition is true. The port is there as soon as the agent counts."""
    wait_for(lambda: ask(port, "/health")[0], 30, "the port")
    return wait_for(lambda: found if condition(found := scraped(port)) else None, 40, what)


def test_counting_is_well_without_kafka_and_all_is_published_when_it_is_back(
    tmp_path: Path, fresh_kafka: KafkaServer, node: Node, pods: tuple[Pod, Pod]
) -> None:
    (port,) = free_ports(1)
    Topic(fresh_kafka.bootstrap).close()
    fresh_kafka.stop()
    state = tmp_path / "state"
    with agent(fresh_kafka.bootstrap, state, node, metrics_port=port, metrics_address="127.0.0.1", map_entries=4_096):
        reaches(port, lambda found: found["weir_agent_windows_total",] >= 1, "a window")
        call(*pods, 7, 613)
        away = reaches(
            port, lambda found: found["weir_agent_windows_total",] >= 3 and not found["weir_agent_kafka_reachable",], "Kafka's absence"
        )
        assert away["weir_agent_spooled_windows",] >= 3 and away["weir_agent_batches_published_total",] == 0
        assert away["weir_agent_acknowledgement_age_seconds",] > away["weir_agent_window_age_seconds",]
        assert 0 < away["weir_agent_used", "spool_bytes"] < away["weir_agent_limit", "spool_bytes"] == 1 << 20
        assert away["weir_agent_limit", "flow_entries"] == 4_096
        assert {labels[1] for labels in away if labels[0] == "weir_agent_used"} == {
            labels[1] for labels in away if labels[0] == "weir_agent_limit"
        }
        status, line = health(port)
        assert status == 200 and line.startswith("Windows are taken in time") and "WEIR_KAFKA_BOOTSTRAP" in line and "windows wait" in line
        fresh_kafka.start()
        back = reaches(
            port, lambda found: not found["weir_agent_spooled_windows",] and found["weir_agent_kafka_reachable",] == 1, "an empty spool"
        )
        assert back["weir_agent_batches_published_total",] >= 3
        assert back["weir_agent_used", "producer_bytes"] == 0
        assert "Kafka took the last batch" in health(port)[1]
        topic = Topic(fresh_kafka.bootstrap)
        last = scraped(port)
        wait_for(lambda: len(topic.poll()) >= last["weir_agent_batches_published_total",], 20, "what was published")
        begun = [batch for batch in topic.batches if batch.seq < last["weir_agent_windows_total",]]
        topic.close()
    assert last["weir_agent_packets_total",] == packets(begun) > 0
    assert last["weir_agent_lost_packets_total", "agent", "map_full"] == last["weir_agent_lost_packets_total", "spool", "full"] == 0
    assert last["weir_agent_window_close_seconds_count",] == last["weir_agent_windows_total",]
    assert last["weir_agent_limit", "domain_entries"] == DOMAIN_ENTRIES
    assert ("weir_agent_build_info", "", sources.stamp(4_096, DOMAIN_ENTRIES), os.uname().release) in last
    assert 10 << 20 < last["process_resident_memory_bytes",] < 200 << 20 and last["process_cpu_seconds_total",] > 0


def packets(batches: list[FlowBatch]) -> int:
    return sum(int(batch.flows.packets_sent.sum() + batch.flows.packets_received.sum()) for batch in batches)


def test_an_agent_that_takes_no_windows_is_not_well(tmp_path: Path, node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its main thread is stuck, in a disk that does not answer, say: another thread answers for it."""
    monkeypatch.setattr(progress, "GRACE_SECONDS", 0.0)
    stuck, goes_on, stop, (port,) = threading.Event(), threading.Event(), threading.Event(), free_ports(1)
    close_window = Collector.close_window

    def slow(collector: Collector, window: Window) -> Account:
        if stuck.is_set():
            goes_on.wait(60 * PATIENCE)
        return close_window(collector, window)

    monkeypatch.setattr(Collector, "close_window", slow)
    settings = AgentSettings(
        "127.0.0.1:9", tmp_path, "n1", cgroup=node.cgroup, window_seconds=1, remove_on_exit=True, drain_seconds=0.1, metrics_port=port
    )
    running = threading.Thread(target=run_agent, args=(settings, stop))
    running.start()
    try:
        reaches(port, lambda found: found["weir_agent_windows_total",] >= 1, "a window")
        stuck.set()
        wait_for(lambda: health(port)[0] == 503, 20, "the agent to be unwell")
        assert re.match(r"No window was taken for \d+ s, and a window has 1 s: the agent is stuck, or has no CPU\.", health(port)[1])
        goes_on.set()
        stuck.clear()
        wait_for(lambda: health(port)[0] == 200, 20, "the agent to be well again")
    finally:
        goes_on.set()
        stop.set()
        running.join()
    assert ask(port, "/health") == (0, "")


def test_the_zone_is_learned_meanwhile_and_stands_in_the_next_windows(tmp_path: Path, node: Node) -> None:
    (port,) = free_ports(1)
    told = False

    def says(asked: Asked) -> Answer:
        return aws(asked) if told else Answer(403, "no tokens here")

    state = tmp_path / "state"
    with fake_metadata(says) as server:
        more = {"metrics_port": port, "cloud": "aws", "metadata_address": server.address, "agent_version": "1.2.3"}
        with agent("127.0.0.1:9", state, node, **more):
            wait_for(lambda: len(spooled(state)) >= 2 and server.asked, 30, "two windows and a question")
            told = True
            found = reaches(
                port, lambda found: any(key[0] == "weir_agent_node_info" and key[-1] == "use1-az2" for key in found), "the zone"
            )
            wait_for(lambda: spooled(state)[-1].zone, 20, "a window with its zone")
    zones = [batch.zone for batch in spooled(state)]
    assert zones == sorted(zones) and set(zones) == {"", "use1-az2"}, "unknown at first, known from then on"
    assert {batch.agent_version for batch in spooled(state)} == {"1.2.3"}
    assert ("weir_agent_node_info", "n1", "default", "default", "use1-az2") in found


def test_a_slow_metadata_service_delays_no_window(tmp_path: Path, node: Node) -> None:
    """It takes the connection and never answers."""
    state = tmp_path / "state"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with agent("127.0.0.1:9", state, node, cloud="gcp", metadata_address=silent.getsockname()):
            wait_for(lambda: len(spooled(state)) >= 3, 30, "three windows")
            starts = [batch.window_start_us for batch in spooled(state)[:3]]
    assert starts[2] - starts[0] == 2_000_000
    assert {batch.zone for batch in spooled(state)} == {""}


def test_the_command_hands_over_zone_version_and_schema(tmp_path: Path, node: Node) -> None:
    (port,) = free_ports(1)
    settings = {
        "kafka_bootstrap": "127.0.0.1:9",
        "node_id": "n1",
        "cgroup": node.cgroup,
        "state_dir": tmp_path,
        "window_seconds": 1,
        "zone": "eu-1a",
        "metrics_address": "127.0.0.1",
        "metrics_port": port,
    }
    with weir("agent", settings=settings) as running:
        running.line("Counting", 30)
        found = reaches(port, lambda found: found["weir_agent_windows_total",] >= 1, "a window")
        running.stop()
    assert ("weir_agent_build_info", version("weir"), sources.stamp(65_536, DOMAIN_ENTRIES), os.uname().release) in found
    assert {(batch.zone, batch.agent_version) for batch in spooled(tmp_path)} == {("eu-1a", version("weir"))}
    before = len(spooled(tmp_path))
    with weir("agent", settings={**settings, "flow_batch_version": 1}) as running:
        wait_for(lambda: len(spooled(tmp_path)) > before, 30, "a window")
        running.stop()
    assert {(batch.zone, batch.agent_version) for batch in spooled(tmp_path)[before:]} == {("", "")}
