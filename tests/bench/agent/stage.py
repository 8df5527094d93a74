"""Where the bench plays: one node with a client's and a server's pod, an agent on it, and a Kafka that costs next to nothing."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import orjson
from confluent_kafka import Consumer, TopicPartition

from schemas.records.flow_batch import FlowBatch
from schemas.topics import FLOWS_TOPIC, all_topics
from schemas.wire.codec import decode_batch
from schemas.wire.framing import unframe
from tests.bench.agent.meters import is_attached
from tests.support.processes import Child, wait_for, weir
from weir.demo.broker import EmbeddedBroker
from weir.lab import Lab, Node, Pod

LOAD = Path(__file__).with_name("load.py")
ANSWER_PORT, ECHO_PORT, BULK_ON_PORT, BULK_OFF_PORT = 8_000, 7_000, 7_001, 7_002
PORTS = 20
AFTER = 1.5
"""A window has long been handed over so many seconds after its end."""
JUST = 1.5


class Stage:
    def __init__(self, folder: Path, window_seconds: int) -> None:
        self._folder = folder
        self._exit = ExitStack()
        self.window_seconds = window_seconds
        self.agent: Child | None = None

    def __enter__(self) -> Stage:
        with ExitStack() as opening:
            self.broker = opening.enter_context(EmbeddedBroker(all_topics(1)))
            lab = opening.enter_context(Lab("bench-agent"))
            opening.callback(self.stop_agent)
            self.node: Node = lab.node("n1")
            self.client, self.server = self.node.pod("client"), self.node.pod("server")
            for pod in (self.client, self.server):
                run_in(pod, ["sysctl", "-q", "-w", "net.ipv4.ip_local_port_range=30000 65000", "net.ipv4.tcp_max_syn_backlog=8192"])
            run_in(self.client, ["ip", "route", "add", "10.128.0.0/9", "dev", Pod.interface])
            self._serve("answer", ANSWER_PORT, PORTS, 2)
            for port in (ECHO_PORT, BULK_ON_PORT, BULK_OFF_PORT):
                self._serve("echo", port)
            self._exit = opening.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._exit.close()

    def start_agent(self, name: str = "agent", **settings: object) -> tuple[float, float]:
        """Seconds from the command to the programs' being attached, and to the agent's own word that it counts."""
        begun = time.monotonic()
        chosen = {
            "kafka_bootstrap": self.broker.bootstrap,
            "node_id": "n1",
            "cgroup": self.node.cgroup,
            "state_dir": self._folder / name,
            "window_seconds": self.window_seconds,
            **settings,
        }
        agent = weir("agent", "--remove-on-exit", settings=chosen)
        self.agent = agent
        wait_for(lambda: is_attached(self.node.cgroup) or not agent.running(), 20, "the programs", every=0.01)
        attached = time.monotonic() - begun
        agent.line("Counting", 20)
        return attached, time.monotonic() - begun

    def stop_agent(self) -> None:
        if self.agent is not None:
            with self.agent as agent:
                agent.stop()
            self.agent = None

    def leave_agent(self) -> None:
        """Kills the agent: its programs stay where they are, for the next one."""
        if self.agent is not None:
            with self.agent as agent:
                agent.kill()
            self.agent = None

    @property
    def pid(self) -> int:
        assert self.agent is not None, "no agent runs"
        return self.agent.pid

    def settle(self) -> float:
        """Waits until a window's end is just over, unless it is; returns that window's end, in seconds since the epoch."""
        end = (time.time() - AFTER - JUST) // self.window_seconds * self.window_seconds + self.window_seconds
        time.sleep(max(0.0, end + AFTER - time.time()))
        return end

    def begin(self, *arguments: object) -> subprocess.Popen[str]:
        """Starts a client of load.py in the client's pod."""
        return self.client.popen(_command(*arguments), stdout=subprocess.PIPE, text=True)

    def run(self, *arguments: object) -> dict[str, Any]:
        return self.result(self.begin(*arguments))

    @staticmethod
    def result(process: subprocess.Popen[str]) -> dict[str, Any]:
        said, _ = process.communicate(timeout=180)
        if process.returncode:
            raise AssertionError(f"the load ended with {process.returncode}: {said}")
        answer: dict[str, Any] = orjson.loads(said.splitlines()[-1])
        return answer

    def cpu_seconds(self) -> float:
        """Of the node's pods, the kernel's work on their packets included where it was done in their time."""
        stat = (self.node.cgroup / "cpu.stat").read_text()
        return int(stat.split()[stat.split().index("usage_usec") + 1]) / 1e6

    def wire_bytes(self) -> int:
        """What the agent has sent to Kafka over the connections that are open, the protocol's own bytes included."""
        listed = subprocess.run(["ss", "-tinpHO", "state", "established"], capture_output=True, text=True, check=True).stdout
        own = [line for line in listed.splitlines() if f"pid={self.pid}," in line]
        return sum(int(found[1]) for line in own if (found := re.search(r"\bbytes_sent:(\d+)", line)))

    def batches(self) -> list[FlowBatch]:
        """All that has come to Kafka."""
        consumer = Consumer({"bootstrap.servers": self.broker.bootstrap, "group.id": "bench", "enable.auto.commit": False, "log_level": 0})
        partition = TopicPartition(FLOWS_TOPIC, 0, 0)
        _, end = consumer.get_watermark_offsets(partition, timeout=10)
        consumer.assign([partition])
        found: list[FlowBatch] = []
        while len(found) < end:
            message = consumer.poll(10)
            value = message.value() if message is not None and message.error() is None else None
            assert value is not None, "Kafka does not give back what it took"
            framed = unframe(value)
            found.append(decode_batch(framed.body, framed.writer))
        consumer.close()
        return found

    def _serve(self, *arguments: object) -> None:
        process = self.server.popen(_command(*arguments), stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"


def _command(*arguments: object) -> list[str]:
    return [sys.executable, "-S", str(LOAD), *map(str, arguments)]


def run_in(pod: Pod, command: Sequence[str]) -> None:
    """In the pod's namespace, but not in its cgroup."""
    nsenter = shutil.which("nsenter")
    assert nsenter is not None, "nsenter is missing: apt-get install util-linux"
    subprocess.run([nsenter, f"--net=/run/netns/{pod.netns}", *command], check=True, capture_output=True)
