"""What stands beside the flows: nodes and their batches, workloads, who held which address, services, losses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from ipaddress import IPv6Address
from typing import Any

import pyarrow as pa

from schemas.records import tables
from sinks.engines.base import Engine
from weir.demo.scale import story as told
from weir.demo.scale.calls import Call
from weir.demo.scale.fleet import NODES, nodes, workloads
from weir.demo.scale.story import HOUR_S, Story

HANDED_ON = 50
"""Addresses that another workload held until some hours ago."""
_WATCHER = {"network": "default", "watcher": "watcher-1"}

Rows = Iterator[dict[str, Any]]


def write_beside(engine: Engine, story: Story, calls: Sequence[Call]) -> None:
    """All but what grows with every window."""
    _insert(engine, "workload_states", tables.WORKLOAD_STATES, _workloads(story))
    _insert(engine, "ownership_ranges", tables.OWNERSHIP, _ranges(story))
    _insert(engine, "service_statements", tables.SERVICE_STATEMENTS, _services(story, calls))
    _insert(engine, "losses", tables.LOSSES, _losses(story))


def write_windows(engine: Engine, story: Story, start_s: int, end_s: int, window_s: int) -> None:
    """What the nodes say of themselves with each window: that they live, what they hold, and, last, that it is whole."""
    seen = [(node, min(end_s, story.silence_s) if node.name == told.SILENT else end_s) for node in nodes()]
    _insert(engine, "node_sightings", tables.NODES, (
        {
            "node_id": node.name, "zone": node.zone, "region": node.region, "agent_version": node.agent_version, "config_version": "",
            "first_seen": instant(story.start_s), "last_seen": instant(until_s),
        }
        for node, until_s in seen
    ))  # fmt: skip
    _insert(engine, "ownership_rests", tables.RESTS, (
        {"network": "default", "node_id": node.name, "chain": 1, "start": instant(story.start_s), "end": instant(until_s), "late": 0}
        for node, until_s in seen
    ))  # fmt: skip
    watched = {**_WATCHER, "since": instant(story.start_s), "until": instant(end_s)}
    _insert(engine, "watcher_watermarks", tables.WATCHER_WATERMARKS, iter((watched,)))
    engine.execute(
        "INSERT INTO weir.batches (node_id, epoch, window_start, window_seconds, batch_index, batch_count, partition, first_offset) "  # noqa: S608
        f"SELECT concat('node-', leftPad(toString(node), 2, '0')) AS node_id, 1, toDateTime(at, 'UTC'), {window_s}, 0, 1, "
        f"node % {NODES} % 8, intDiv(at, {window_s}) FROM (SELECT number + 1 AS node FROM numbers({NODES})) AS nodes CROSS JOIN "
        f"(SELECT {start_s} + number * {window_s} AS at FROM numbers(intDiv({end_s - start_s}, {window_s}))) AS windows "
        f"WHERE node_id != '{told.SILENT}' OR at < {story.silence_s}"
    )


def _workloads(story: Story) -> Rows:
    for each in workloads().values():
        labels = {"app": each.subject, "team": each.namespace, "version": told.OLD_VERSION if each.name == told.DEPLOYED else "1.0.0"}
        yield _state(each.name, each.kind, each.namespace, labels, story.start_s)
        if each.name == told.DEPLOYED:
            yield _state(each.name, each.kind, each.namespace, labels | {"version": told.NEW_VERSION}, story.deploy_s)


def _state(name: str, kind: str, namespace: str, labels: Mapping[str, str], at_s: int) -> dict[str, Any]:
    told_of = {"name": name, "kind": kind, "namespace": namespace, "labels": list(labels.items())}
    return {"network": "default", **told_of, "exists": True, "at": instant(at_s)}


def _ranges(story: Story) -> Rows:
    """Some workloads came to their address when another had given it up; since then nobody has moved."""
    every = list(workloads().values())
    for number, each in enumerate(every):
        start_s = story.start_s
        if number % (len(every) // HANDED_ON) == 7:
            start_s, end_s = story.start_s + 8 * HOUR_S, story.start_s + 8 * HOUR_S - 90
            yield _range(each.ip, every[number - 1].name, each.node.name, story.start_s, end_s, ended=1)
        yield _range(each.ip, each.name, each.node.name, start_s, start_s + 10, ended=0)


def _range(ip: str, workload: str, node: str, start_s: int, end_s: int, ended: int) -> dict[str, Any]:
    """One that has not ended goes on as long as its node's chain does."""
    return {
        "network": "default", "ip": _address(ip), "port": 0, "protocol": "", "workload": workload, "source": "heartbeat",
        "start": instant(start_s), "end": instant(end_s), "node_id": node, "chain": 1, "ended": ended,
    }  # fmt: skip


def _services(story: Story, calls: Sequence[Call]) -> Rows:
    called = sorted({(call.service, call.server, call.port, call.protocol) for call in calls if call.service and call.server})
    for number, (service, workload, port, protocol) in enumerate(called):
        yield {
            **_WATCHER, "ip": _address(f"10.96.{number // 250}.{number % 250 + 1}"), "protocol": protocol, "port": port,
            "service": service, "workloads": [workload], "since": instant(story.start_s),
        }  # fmt: skip


def _losses(story: Story) -> Rows:
    """A full map during the scan, and an agent's spool that was full for some minutes in the night."""
    for minute in range(4):
        yield _loss(story.scan.start_s + 60 * minute, "node-11", ("agent", "map_full"), 0, 310 + 7 * minute, 18_600 + 420 * minute)
    for minute in range(3):
        yield _loss(story.start_s + 4 * HOUR_S + 60 * minute, "node-27", ("spool", "full"), 240, 9_100, 7_340_000)


def _loss(at_s: int, node: str, where: tuple[str, str], flows: int, packets: int, size: int) -> dict[str, Any]:
    return {
        "window_start": instant(at_s), "node_id": node, "epoch": 1, "stage": where[0], "reason": where[1],
        "flows": flows, "packets": packets, "bytes": size, "messages": 0, "id": 0, "partition": 0, "first_offset": 0, "topic": "weir.flows",
    }  # fmt: skip


def instant(at_s: int) -> datetime:
    return datetime.fromtimestamp(at_s, UTC)


def _address(ip: str) -> bytes:
    return IPv6Address(f"::ffff:{ip}").packed


def _insert(engine: Engine, table: str, schema: pa.Schema, rows: Rows) -> None:
    engine.insert(f"weir.{table}", pa.Table.from_pylist(list(rows), schema), {})
