"""Flows to service addresses from a recording to the tables, over a real Kafka, beside a watcher that is played."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from schemas.addresses import parse_address
from schemas.protocols import TCP
from schemas.records.cluster import NODE_PORTS, ServiceAddress, WorkloadState
from tests.integration.made_recording import SECOND_US, half_an_hour_ago_us, instant
from tests.integration.pipeline_support import Pipeline, Row, rows
from tests.integration.watcher_words import PlayedWatcher
from tests.support.clickhouse import EngineHost
from tests.support.processes import PATIENCE, run_weir, wait_for

NODES = range(6)
HOLD_SECONDS = 15
NODE_PORT = 30_080
WINDOW_US = 10 * SECOND_US
Answer = tuple[str, str, str, str]
"""Workload, source, reason and service."""


@dataclass(frozen=True)
class Call:
    """Of each node to an address, within one window; instants in seconds after the beginning."""

    ip: str
    port: int
    first: float
    last: float
    wanted: Answer

    @property
    def window(self) -> int:
        return int(self.first // 10)


WEB: Answer = ("shop/web", "service", "", "shop/web")
CALLS = (
    Call("10.96.0.1", 80, 12, 14, WEB),
    Call("10.96.0.1", 81, 12, 14, ("", "none", "unknown", "")),
    Call("10.96.0.2", 80, 12, 14, ("", "none", "shared", "shop/all")),
    Call("10.96.0.3", 80, 12, 14, ("shop/old", "service", "", "shop/turns")),
    Call("10.96.0.3", 80, 22, 28, ("", "none", "shared", "shop/turns")),
    Call("10.96.0.3", 80, 32, 34, ("shop/new", "service", "", "shop/turns")),
    Call("10.96.0.4", 80, 22, 24, ("", "none", "gap", "")),
    Call("10.96.0.4", 80, 32, 34, ("shop/late", "service", "", "shop/late")),
    Call("10.0.0.9", NODE_PORT, 12, 14, WEB),
    Call("10.0.0.9", 22, 12, 14, ("node/n0", "heartbeat", "", "")),
)
HELD, LOST = (Call("10.96.0.1", 80, first, first + 2, answer) for first, answer in ((42, WEB), (62, ("", "none", "gap", ""))))


class Story:
    def __init__(self, bootstrap: str, host: EngineHost, directory: Path) -> None:
        self.start_us = half_an_hour_ago_us()
        self.pipeline = Pipeline(bootstrap, host.url, directory, {"hold_seconds": HOLD_SECONDS})
        self.watcher = PlayedWatcher(bootstrap, "w1", self.at(0), self.at(40.5))
        run_weir("topics", "--flow-partitions", "4", settings=self.pipeline.settings)

    def at(self, seconds: float) -> int:
        return self.start_us + round(seconds * SECOND_US)

    def behind(self, ip: str, since: float, service: str, *workloads: str) -> ServiceAddress:
        return ServiceAddress("default", parse_address(ip), TCP, 80, service, workloads, self.at(since), "w1")

    def words(self) -> list[ServiceAddress]:
        return [
            self.behind("10.96.0.1", 0, "shop/web", "shop/web"),
            self.behind("10.96.0.2", 0, "shop/all", "shop/a", "shop/b"),
            self.behind("10.96.0.3", 0, "shop/turns", "shop/old"),
            self.behind("10.96.0.3", 25, "shop/turns", "shop/new"),
            self.behind("10.96.0.4", 23, "shop/late", "shop/late"),
            ServiceAddress("default", parse_address("10.0.0.9"), 0, 0, "n0", (), self.at(0), "w1"),
            ServiceAddress("default", NODE_PORTS, TCP, NODE_PORT, "shop/web", ("shop/web",), self.at(0), "w1"),
        ]

    def replay(self, name: str, calls: Iterable[Call], windows: range, epoch: int = 1) -> None:
        """Of every node: heartbeats of all windows, and the calls within them."""
        lines = [line for window in windows for node in NODES for line in self._lines(node, window, calls, epoch)]
        self.pipeline.replay(self.pipeline.write(f"{name}.jsonl", lines))

    def _lines(self, node: int, window: int, calls: Iterable[Call], epoch: int) -> Iterable[bytes]:
        of: dict[str, Any] = {"node_id": f"n{node}", "epoch": epoch, "window_start": instant(self.at(10 * window)), "window_seconds": 10}
        held = [{"ip": f"10.0.1.{node}", "workload": f"app-{node}"}]
        if node == 0:
            held.append({"ip": "10.0.0.9", "workload": "node/n0"})
        yield orjson.dumps({"kind": "heartbeat", **of, "addresses": held})
        for call in calls:
            if call.window == window:
                flow = {"local_ip": f"10.0.1.{node}", "remote_ip": call.ip, "service_port": call.port, "protocol": "tcp", "role": "client"}
                seen = {"first_seen": instant(self.at(call.first)), "last_seen": instant(self.at(call.last))}
                yield orjson.dumps({"kind": "flow", **of, **flow, **seen, "local_workload": f"app-{node}", "bytes_sent": 7_919})

    def found(self, epoch: int = 1) -> list[Row]:
        place = "remote_ip, service_port, toUnixTimestamp64Micro(first_seen), node_id"
        answer = "remote_workload, remote_source, remote_reason, remote_service"
        counted = f"epoch = {epoch} AND canonical AND bytes_sent = 7919"
        with self.pipeline.sink() as sink:
            return rows(sink, f"SELECT {place}, {answer} FROM weir.flows WHERE {counted} ORDER BY ALL")  # noqa: S608

    def wanted(self, calls: Iterable[Call]) -> list[Row]:
        return sorted((f"::ffff:{call.ip}", call.port, self.at(call.first), f"n{node}", *call.wanted) for call in calls for node in NODES)

    def await_rows(self, calls: tuple[Call, ...], seconds: float = 60) -> None:
        """Of all these calls, by name; fails at once where one was named otherwise."""
        wanted = self.wanted(calls)

        def all_there() -> bool:
            found = self.found()
            assert set(found) <= set(wanted), sorted(set(found) - set(wanted), key=str)
            return len(found) >= len(wanted)

        wait_for(all_there, seconds * PATIENCE, f"{len(wanted)} flows to be named")
        assert self.found() == wanted


def test_names_through_services(clean_kafka: str, host: EngineHost, tmp_path: Path) -> None:
    """Named, shared, changed, unknown before it was told; what waits for a late word has its name, what no word covers has none; and who
    comes later names the same.
    """
    story = Story(clean_kafka, host, tmp_path)
    story.watcher.tell(*story.words(), WorkloadState("default", "shop/web", "Deployment", "shop", {"team": "a"}, True, story.at(0)))
    with story.pipeline.worker(), story.pipeline.worker():
        with story.watcher.living():
            story.replay("first", CALLS, range(4))
            story.replay("held", (HELD,), range(4, 6))
            story.await_rows(CALLS)
            story.watcher.has_told_until(story.at(60.5))
            story.await_rows((*CALLS, HELD))
        story.replay("second", (LOST,), range(6, 8))
        story.await_rows((*CALLS, HELD, LOST))
    with ExitStack() as stack:
        stack.enter_context(story.pipeline.worker())
        story.replay("again", (*CALLS, HELD, LOST), range(7), epoch=2)
        wanted = story.wanted((*CALLS, HELD, LOST))
        wait_for(lambda: len(story.found(2)) == len(wanted), 60 * PATIENCE, "the flows that come late")
        assert story.found(2) == wanted
    with story.pipeline.sink() as sink:
        span = "toUnixTimestamp64Micro(start), toUnixTimestamp64Micro(end)"
        where = "ip = toIPv6('10.96.0.3') ORDER BY start"
        seen = rows(sink, f"SELECT service, workloads, {span} FROM weir.services WHERE {where}")  # noqa: S608
        assert [(row[:2], row[2]) for row in seen] == [
            (("shop/turns", ["shop/old"]), story.at(0)),
            (("shop/turns", ["shop/new"]), story.at(25)),
        ]
        assert seen[0][3] == story.at(25) and seen[1][3] == story.at(60.5)
        assert rows(sink, "SELECT name, kind, labels['team'] FROM weir.workloads") == [("shop/web", "Deployment", "a")]
        services = rows(sink, "SELECT server_service, server FROM weir.edges_5m WHERE server_service = 'shop/all' GROUP BY ALL")
        assert services == [("shop/all", "")]
