"""The whole road over a lab: an agent per node and one worker, each a `weir` process of its own, and the tables at its end."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from schemas.errors import WeirError
from sinks.engines.query_client import SocketEngine
from tests.support.kafka import delete_all_topics
from tests.support.processes import Child, wait_for, weir
from weir.lab import Node

START_SECONDS = 60
LANDING_SECONDS = 60


class Road:
    """Windows of one second. `directory` holds the tables and every process's state."""

    def __init__(self, kafka: str, directory: Path, **settings: object) -> None:
        self._kafka = kafka
        self._directory = directory
        self._tables = directory / "tables"
        self._settings = {"kafka_bootstrap": kafka, "window_seconds": 1, **settings}
        self._processes: dict[str, Child] = {}

    def __enter__(self) -> Self:
        delete_all_topics(self._kafka)
        self._start("worker", "worker", {"clickhouse_url": f"chdb://{self._tables}"})
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        for process in self._processes.values():
            process.__exit__(kind, value, trace)

    def start_agents(self, nodes: Iterable[Node]) -> None:
        """Starts one agent a node, all at once; returns when every node is counted."""
        agents = [self._start("agent", node.name, {"node_id": node.name, "cgroup": node.cgroup}) for node in nodes]
        for agent in agents:
            agent.line(r"Counting .* as node", START_SECONDS)

    def stop_agent(self, node: Node) -> None:
        self._processes[node.name].stop()

    def kill_agent(self, node: Node) -> None:
        self._processes[node.name].kill()

    def await_tables(self) -> None:
        """Returns once everything that the agents have counted by now is in the tables.

        A node's batches are applied in order: one of a window that begins later says that all before it are there.
        """
        nodes = {name for name in self._processes if not name.startswith("worker")}
        later = f"max(toUnixTimestamp(window_start)) >= {time.time()}"
        sql = f"SELECT node_id FROM weir.batches GROUP BY node_id HAVING {later}"  # noqa: S608
        try:
            wait_for(lambda: {row["node_id"] for row in self._ask_early(sql)} == nodes, LANDING_SECONDS, f"later windows of {nodes}")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.report()}") from None

    def ask(self, sql: str) -> list[dict[str, Any]]:
        """Asks the worker, which holds the tables."""
        rows: list[dict[str, Any]] = SocketEngine(self._tables).query(sql).to_pylist()
        return rows

    def report(self) -> str:
        return "\n".join(f"=== {name}\n{process.report(15)}" for name, process in self._processes.items())

    def stop(self) -> None:
        """Ends every process as an operator would; each must end well."""
        for process in reversed(self._processes.values()):
            process.stop()

    def _ask_early(self, sql: str) -> list[dict[str, Any]]:
        """No rows while the worker has no tables yet."""
        try:
            return self.ask(sql)
        except (WeirError, OSError):
            return []

    def _start(self, command: str, name: str, settings: dict[str, object]) -> Child:
        if name in self._processes:
            self._processes[name].__exit__(None, None, None)
        child = weir(command, settings={**self._settings, "state_dir": self._directory / name, **settings})
        self._processes[name] = child
        return child
