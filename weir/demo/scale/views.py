"""Calls as the agents at their ends see them: the rows that stand for a call in `flows`, but for what changes from window to window."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

import pyarrow as pa

from schemas.records.histogram import BOUNDS_US
from sinks.engines.base import Engine
from weir.demo.scale import story as told
from weir.demo.scale.calls import Call
from weir.demo.scale.fleet import NODES, Workload, workloads
from weir.demo.scale.story import Story

TABLE = "recording.views"
_TYPES = {"int": "UInt32", "float": "Float64", "bool": "Bool", "str": "LowCardinality(String)"}


@dataclass(frozen=True)
class View:
    """One end's row of a call. `call` is the same for both ends: they count alike. The bucket is that of the call's round trips."""

    call: int
    role: str
    canonical: bool
    node: int
    node_id: str
    local_ip: str
    remote_ip: str
    local_workload: str
    remote_workload: str
    local_zone: str
    remote_zone: str
    region: str
    remote_region: str
    remote_node_id: str
    remote_source: str
    remote_reason: str
    remote_service: str
    remote_domain: str
    port: int
    protocol: str
    rate: float
    request_bytes: int
    answer_bytes: int
    reuse: int
    refused: float
    timed_out: float
    resent: float
    rtt_us: int
    bucket: int
    since_s: int
    until_s: int


def write_views(engine: Engine, calls: Sequence[Call], story: Story) -> None:
    """A row a view, into a table in memory: the flows are made of it, and it is gone with the process.

    Of a call's two views the client's is canonical, unless nobody tells it: then the server's is.
    """
    columns = ", ".join(f"{name} {_TYPES[str(kind)]}" for name, kind in View.__annotations__.items())
    engine.execute(f"CREATE DATABASE IF NOT EXISTS {TABLE.partition('.')[0]} ENGINE = Memory")
    engine.execute(f"CREATE TABLE {TABLE} ({columns}) ENGINE = Memory")
    views = [view for number, call in enumerate(calls) for seen in _views(number, call) for view in _as_told(seen, story)]
    engine.insert(TABLE, pa.Table.from_pylist([asdict(view) for view in views]), {})


def _views(number: int, call: Call) -> Iterator[View]:
    known = workloads()
    client, server = known.get(call.client), known.get(call.server)
    if client:
        yield _view(number, call, "client", client, server)
    if server and call.refused < 1 and call.timed_out < 1:
        yield _view(number, call, "server", server, client)


def _view(number: int, call: Call, role: str, local: Workload, remote: Workload | None) -> View:
    of_client = role == "client"
    named_by_service = of_client and remote and call.service
    return View(
        call=number,
        role=role,
        canonical=of_client or remote is None,
        node=int(local.node.name.removeprefix("node-")) % NODES,
        node_id=local.node.name,
        local_ip=local.ip,
        remote_ip=remote.ip if remote else call.far,
        local_workload=local.name,
        remote_workload=remote.name if remote else "",
        local_zone=local.node.zone,
        remote_zone=remote.node.zone if remote else "",
        region=local.node.region,
        remote_region=remote.node.region if remote else "",
        remote_node_id=remote.node.name if remote else "",
        remote_source="service" if named_by_service else "heartbeat" if remote else "none",
        remote_reason="" if remote else call.reason,
        remote_service=call.service if of_client else "",
        remote_domain=call.domain if of_client else "",
        port=call.port,
        protocol=call.protocol,
        rate=call.rate,
        request_bytes=call.request_bytes,
        answer_bytes=call.answer_bytes,
        reuse=call.reuse,
        refused=call.refused,
        timed_out=call.timed_out,
        resent=call.resent,
        rtt_us=call.rtt_us,
        bucket=bisect_right(BOUNDS_US, call.rtt_us) - 1,
        since_s=call.since_s,
        until_s=call.until_s,
    )


def _as_told(view: View, story: Story) -> Iterator[View]:
    """Without what a silent agent does not tell; the other end's view is the one that counts from then on."""
    if view.node_id == told.SILENT:
        if view.since_s < story.silence_s:
            yield replace(view, until_s=min(view.until_s, story.silence_s))
    elif view.remote_node_id == told.SILENT and view.role == "server" and view.until_s > story.silence_s:
        if view.since_s < story.silence_s:
            yield replace(view, until_s=story.silence_s)
        yield replace(view, since_s=max(view.since_s, story.silence_s), canonical=True)
    else:
        yield view
