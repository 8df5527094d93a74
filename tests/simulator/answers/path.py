"""Eight causes of silence and failure, put into real namespaces under real agents, and what must be said of each.

n1 has the clients, n2 the servers. n3 has the clients whose agent is killed; n4 has no agent. All causes of a round happen at once; a round
is as long as a connect() needs that nobody answers. Windows are one second.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path as File

from sinks.engines.query_client import SocketEngine
from sinks.queries.spans import Oldest, Span
from sinks.queries.status import ask_oldest
from tests.bpf.support import start
from tests.integration.road import Road
from tests.support.processes import wait_for
from weir.answers.path import PathQuestion, path
from weir.answers.path_ends import read_ends
from weir.lab import Lab, Node, Pod

PORT = 80
CALM_SECONDS, SETTLE_SECONDS, WATCH_SECONDS = 2.5, 2.5, 5.5
FLOATING = "10.77.200.1"
FAILURES = ("reject", "drop", "route", "dead")
CAUSES = (*FAILURES, "killed", "idle", "bare", "handed")
SERVERS = (*FAILURES, "calm", "red", "blue")
SCRIPT = File(__file__).parents[2] / "support" / "knock.py"
FORBIDDEN = ("works", "no_attempts")
"""What must never be said while the agent is down."""


@dataclass(frozen=True)
class Said:
    """A question of a run, what must be said, and what was."""

    cause: str
    run: str
    wanted: str
    found: str
    why: str


class Knocker:
    """A client's process. Idle until it is told where to knock."""

    def __init__(self, pod: Pod) -> None:
        self.pod = pod
        pod.run(["sysctl", "-q", "-w", "net.ipv4.tcp_syn_retries=1"])
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = pod.popen([sys.executable, "-S", str(SCRIPT)], text=True, **pipes)
        self._heard("ready")

    def knock(self, host: str) -> None:
        self._tell(f"{host} {PORT}")

    def stop(self) -> None:
        self._tell("-")

    def await_stop(self) -> None:
        self._heard("stopped")

    def end(self) -> None:
        self._process.kill()
        self._process.wait()

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def _heard(self, word: str) -> None:
        assert self._process.stdout is not None
        assert self._process.stdout.readline().strip() == word


class Stage:
    """`clients`: of each cause."""

    def __init__(self, lab: Lab, kafka: str, directory: File, clients: int, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - a scenario's choice
        self.nodes = [lab.node(name) for name in ("n1", "n2", "n3")]
        bare = lab.node("n4")
        self.servers = {name: self.nodes[1].pod(name) for name in SERVERS} | {"bare": bare.pod("bare")}
        self.clients = {cause: [self._client(cause, number) for number in range(clients)] for cause in CAUSES}
        self._listeners = {name: start(pod, "serve", PORT) for name, pod in self.servers.items()}
        self._companion = Knocker(self.servers["dead"])
        self.servers["red"].add_address(FLOATING)
        self._holder, self._other = "red", "blue"
        self.road = Road(kafka, directory, hold_seconds=2)
        self._tables = directory / "tables"

    def _client(self, cause: str, number: int) -> Knocker:
        node: Node = self.nodes[2 if cause == "killed" else 0]
        return Knocker(node.pod(f"{cause}-client-{number}"))

    def rounds(self, count: int) -> Iterator[Said]:
        with self.road:
            self.road.start_agents(self.nodes)
            self.road.await_tables()
            for number in range(count):
                if number:
                    self.road.start_agents([self.nodes[2]])
                    self.road.await_tables()
                yield from self._round(number)

    def _round(self, number: int) -> Iterator[Said]:
        late = {cause: self._random.random() < 0.5 for cause in FAILURES}  # whether it works at first
        ends = {cause: self._failure(cause) for cause in FAILURES}
        for cause in FAILURES:
            if not late[cause]:
                ends[cause][0]()
        begun_s = ceil(time.time())
        self._knock()
        time.sleep(CALM_SECONDS)  # what passes here is time under traffic
        for cause in FAILURES:
            if late[cause]:
                ends[cause][0]()
        self.road.kill_agent(self.nodes[2])
        killed_s = ceil(time.time())
        self._hand_over()
        time.sleep(SETTLE_SECONDS)
        settled_s = ceil(time.time())
        time.sleep(WATCH_SECONDS)
        ended_s = int(time.time())
        self._stop()
        self._await_tables(("n1", "n2"))
        whole, oldest = Span(begun_s, ended_s), ask_oldest(SocketEngine(self._tables).ask)
        for cause, clients in self.clients.items():
            for place, client in enumerate(clients):
                for server, span, wanted in self._questions(cause, late.get(cause, False), whole, killed_s, settled_s):
                    found, why = self._ask(client.pod.workload, server, span, oldest)
                    yield Said(cause, f"{number}.{place}", wanted, found, f"{client.pod.workload} to {server}: {why}")
        for cause in FAILURES:
            ends[cause][1]()

    def _questions(self, cause: str, late: bool, whole: Span, killed_s: int, settled_s: int) -> Sequence[tuple[str, Span, str]]:
        match cause:
            case "killed":
                return [("calm", whole, "unknown"), ("calm", Span(killed_s, whole.end_s), "unknown")]
            case "idle":
                return [("calm", whole, "no_attempts")]
            case "bare":
                return [(self.servers["bare"].ipv4, whole, "works")]
            case "handed":
                after = Span(settled_s, whole.end_s)
                return [(self._holder, after, "works"), (self._other, after, "no_attempts")]
        return [(cause, whole, "broke" if late else "failing")]

    def _ask(self, client: str, server: str, span: Span, oldest: Oldest) -> tuple[str, str]:
        found = path(SocketEngine(self._tables).ask, oldest, PathQuestion(read_ends(client, f"{server}:{PORT}"), span))
        return found.verdict.word, " ".join((found.sentence, *found.reasons))

    def _knock(self) -> None:
        for cause, clients in self.clients.items():
            host = FLOATING if cause == "handed" else self.servers[cause if cause in self.servers else "calm"].ipv4
            for place, client in enumerate(clients):
                if cause != "idle" and (cause, place % 2) != ("killed", 1):  # every other one of a dead agent is idle
                    client.knock(host)

    def _stop(self) -> None:
        every = [client for clients in self.clients.values() for client in clients]
        for client in every:
            client.stop()
        for client in every:
            client.await_stop()

    def _failure(self, cause: str) -> tuple[Callable[[], None], Callable[[], None]]:
        """How it begins, and how it ends."""
        pod = self.servers[cause]
        if cause == "reject":
            rule = f"INPUT -p tcp --dport {PORT} -j REJECT --reject-with {self._random.choice(('tcp-reset', 'icmp-port-unreachable'))}"
            return _iptables(pod, rule)
        if cause == "drop":
            return _iptables(pod, self._random.choice((f"INPUT -p tcp --dport {PORT} -j DROP", f"OUTPUT -p tcp --sport {PORT} -j DROP")))
        if cause == "route":
            route = ["10.77.0.0/16", "dev", pod.interface]
            return (lambda: _run(pod, "ip", "route", "del", *route), lambda: _run(pod, "ip", "route", "add", *route, "src", pod.ipv4))
        return self._end_listener, self._start_listener

    def _end_listener(self) -> None:
        """Alone, or with all that runs beside it, so that nobody has the address any more."""
        self._listeners["dead"].kill()
        self._listeners["dead"].wait()
        if self._random.random() < 0.5:
            self._companion.end()

    def _start_listener(self) -> None:
        self._listeners["dead"] = start(self.servers["dead"], "serve", PORT)
        self._companion.end()
        self._companion = Knocker(self.servers["dead"])

    def _hand_over(self) -> None:
        self.servers[self._holder].remove_address(FLOATING)
        self._holder, self._other = self._other, self._holder
        self.servers[self._holder].add_address(FLOATING)

    def _await_tables(self, nodes: Sequence[str]) -> None:
        """Until windows are there that began after now."""
        later = f"SELECT node_id FROM weir.batches GROUP BY node_id HAVING max(toUnixTimestamp(window_start)) >= {time.time()}"  # noqa: S608
        wait_for(lambda: {row["node_id"] for row in self.road.ask(later)} >= set(nodes), 60, f"later windows of {nodes}")


def _iptables(pod: Pod, rule: str) -> tuple[Callable[[], None], Callable[[], None]]:
    words = rule.split()
    return (lambda: _run(pod, "iptables", "-A", *words), lambda: _run(pod, "iptables", "-D", *words))


def _run(pod: Pod, *argv: str) -> None:
    pod.run(argv, stdout=subprocess.DEVNULL)
