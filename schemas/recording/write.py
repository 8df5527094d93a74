"""Batches and events to the lines of a recording: UTF-8 JSON, each line with its newline. recording.py reads them back."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import orjson

from schemas.addresses import MAPPED, format_address, split_addresses
from schemas.arrays import U8
from schemas.instants import format_instant
from schemas.protocols import PROTOCOL_NAMES
from schemas.records.flow_batch import COUNTERS, HISTOGRAMS, ROLE_NAMES, FlowBatch, HeartbeatColumns
from schemas.records.histogram import Histogram
from schemas.records.ip_event import IpEvent


def format_batch(batch: FlowBatch) -> Iterator[bytes]:
    """One line for the heartbeats, if there are any, and one for each flow and each loss."""
    place = {
        "node_id": batch.node_id,
        "epoch": batch.epoch,
        "window_start": format_instant(batch.window_start_us),
        "window_seconds": batch.window_seconds,
        "network": batch.network,
        "region": batch.region,
    }
    if len(batch.heartbeats):
        about = {name: getattr(batch, name) for name in ("zone", "agent_version", "config_version") if getattr(batch, name)}
        yield _line({"kind": "heartbeat", **place, **about, "addresses": _addresses(batch)})
    zone = {"local_zone": batch.zone} if batch.zone else {}
    for flow in _flows(batch):
        yield _line({"kind": "flow", **place, **zone, **flow})
    for loss in batch.losses:
        counts = {name: getattr(loss, name) for name in ("flows", "packets", "bytes", "id") if getattr(loss, name)}
        start = format_instant(loss.window_start_us)
        yield _line({"kind": "loss", **place, "window_start": start, "stage": loss.stage, "reason": loss.reason, **counts})


def format_ip_event(event: IpEvent) -> bytes:
    said = {
        "kind": "ip_event",
        "network": event.network,
        "ip": _short(event.ip),
        "workload": event.workload,
        "event": "assigned" if event.assigned else "unassigned",
        "at": format_instant(event.at_us),
    }
    return _line(said)


def _line(fields: dict[str, Any]) -> bytes:
    return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)


def _flows(batch: FlowBatch) -> Iterator[dict[str, Any]]:
    flows = batch.flows
    counters = [column.tolist() for column in (getattr(flows, name) for name in COUNTERS)]
    rows = zip(
        _texts(flows.local_ip),
        _texts(flows.remote_ip),
        flows.service_port.tolist(),
        flows.protocol.tolist(),
        flows.role.tolist(),
        flows.local_workload.tolist(),
        flows.first_seen_us.tolist(),
        flows.last_seen_us.tolist(),
        flows.remote_domain.tolist(),
        zip(*counters, strict=True),
        zip(*(_samples(getattr(flows, name), len(flows)) for name in HISTOGRAMS), strict=True),
        strict=True,
    )
    for local_ip, remote_ip, port, protocol, role, workload, first, last, domain, counts, samples in rows:
        yield {
            "local_ip": local_ip,
            "remote_ip": remote_ip,
            "service_port": port,
            "protocol": PROTOCOL_NAMES[protocol],
            "role": ROLE_NAMES[role],
            "local_workload": batch.workloads[workload],
            "first_seen": format_instant(first),
            "last_seen": format_instant(last),
            **({"remote_domain": batch.domains[domain - 1]} if domain else {}),
            **{name: value for name, value in zip(COUNTERS, counts, strict=True) if value},
            **{f"{name}_histogram": values for name, values in zip(HISTOGRAMS, samples, strict=True) if values},
        }


def _samples(histogram: Histogram, rows: int) -> list[list[int]]:
    offsets, values = histogram.lists(rows)
    every = values.tolist()
    return [every[begin:end] for begin, end in pairwise(offsets.tolist())]


def _addresses(batch: FlowBatch) -> list[dict[str, Any]]:
    held: HeartbeatColumns = batch.heartbeats
    rows = zip(
        _texts(held.ip),
        held.workload.tolist(),
        held.port.tolist(),
        held.protocol.tolist(),
        held.start_us.tolist(),
        held.end_us.tolist(),
        strict=True,
    )
    return [
        {
            "ip": ip,
            "workload": batch.workloads[workload],
            **({"port": port, "protocol": PROTOCOL_NAMES[protocol]} if port else {}),
            **({"start": format_instant(start)} if start != batch.window_start_us else {}),
            **({"end": format_instant(end)} if end != batch.window_end_us else {}),
        }
        for ip, workload, port, protocol, start, end in rows
    ]


def _texts(addresses: U8) -> list[str]:
    return list(map(_short, split_addresses(addresses)))


def _short(address: bytes) -> str:
    """IPv4 as people write it."""
    text = format_address(address)
    return text.removeprefix("::ffff:") if address.startswith(MAPPED) else text
