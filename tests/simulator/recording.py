"""A simulated region in the contract's words: batches, a recording, and the truth in a file of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import orjson

from schemas.arrays import I64
from schemas.recording.write import format_batch, format_ip_event
from schemas.records.flow_batch import FLOW_DTYPES, HEARTBEAT_DTYPES, FlowBatch, FlowColumns, HeartbeatColumns
from schemas.records.ip_event import IpEvent
from tests.simulator.beats import Beats, Signs
from tests.simulator.fleet import Fleet, address_bytes, names_of
from tests.simulator.scenario import ORIGIN_US
from tests.simulator.traffic import Views

TCP = 6


def batches(fleet: Fleet, beats: Beats, views: Views) -> Iterator[FlowBatch]:
    """One batch a node and window, in the order in which the first message of each arrived."""
    names = tuple(names_of(fleet))
    windows = 1 + max(int(beats.window.max(initial=0)), int(views.window.max(initial=0)))
    beat_place, view_place = beats.node * windows + beats.window, views.node * windows + views.window
    beat_order, view_order = np.argsort(beat_place, kind="stable"), np.argsort(view_place, kind="stable")
    places = np.union1d(beat_place, view_place)
    arrival = np.full(len(places), np.iinfo(np.int64).max)
    for place, when in ((beat_place, beats.arrival_us), (view_place, views.arrival_us)):
        np.minimum.at(arrival, np.searchsorted(places, place), when)
    for place in places[np.argsort(arrival, kind="stable")].tolist():
        said = beats.rows(_rows(beat_place, beat_order, place))
        seen = views.rows(_rows(view_place, view_order, place))
        node, window = divmod(place, windows)
        yield _batch(fleet, names, node, window, said, seen)


def events(fleet: Fleet, signs: Signs) -> Iterator[IpEvent]:
    names, held = names_of(fleet), fleet.tenures
    for row, at_us, assigned in zip(signs.tenure.tolist(), signs.at_us.tolist(), signs.assigned.tolist(), strict=True):
        ip = address_bytes(held.address[[row]]).tobytes()
        yield IpEvent("default", ip, names[held.workload[row]], assigned, at_us + ORIGIN_US)


def write(fleet: Fleet, beats: Beats, signs: Signs, views: Views, recording: Path, truth: Path) -> None:
    """The recording, and beside it one JSON line a flow record: what tells it from the others, and whose the remote address was."""
    with recording.open("wb") as lines:
        lines.writelines(map(format_ip_event, events(fleet, signs)))
        for batch in batches(fleet, beats, views):
            lines.writelines(format_batch(batch))
    names = names_of(fleet)
    with truth.open("wb") as lines:
        for key, owner in zip(keys(views), views.truth.tolist(), strict=True):
            lines.write(orjson.dumps([*key, names[owner]], option=orjson.OPT_APPEND_NEWLINE))


def keys(views: Views) -> Iterator[tuple[int, str, str, int, int, int]]:
    """(node, local address, remote address, port, role, window) of every row, addresses in hexadecimal."""
    local, remote = (map(bytes.hex, map(bytes, address_bytes(column))) for column in (views.local, views.remote))
    return zip(views.node.tolist(), local, remote, views.port.tolist(), views.role.tolist(), views.window.tolist(), strict=True)


def _rows(places: I64, order: I64, place: int) -> I64:
    low, high = np.searchsorted(places, [place, place + 1], sorter=order)
    rows: I64 = order[low:high]
    return rows


def _batch(fleet: Fleet, names: tuple[str, ...], node: int, window: int, said: Beats, seen: Views) -> FlowBatch:
    length = fleet.scenario.window_us
    return FlowBatch(
        node_id=f"n{node}",
        epoch=1,
        seq=window,
        region="default",
        network="default",
        window_start_us=window * length + ORIGIN_US,
        window_seconds=length // 1_000_000,
        batch_index=0,
        batch_count=0,
        workloads=names,
        flows=_flows(seen),
        heartbeats=_heartbeats(said),
    )


def _flows(seen: Views) -> FlowColumns:
    columns = {name: np.zeros(len(seen), dtype) for name, dtype in FLOW_DTYPES.items()}
    columns["local_ip"], columns["remote_ip"] = address_bytes(seen.local), address_bytes(seen.remote)
    columns["service_port"], columns["role"] = seen.port.astype(np.uint16), seen.role
    columns["protocol"][:] = TCP
    columns["local_workload"] = seen.workload.astype(np.uint32)
    columns["first_seen_us"], columns["last_seen_us"] = seen.first_us + ORIGIN_US, seen.last_us + ORIGIN_US
    columns["bytes_sent"] = seen.octets.astype(np.uint64)
    columns["packets_sent"][:] = 1
    return FlowColumns(**columns)


def _heartbeats(said: Beats) -> HeartbeatColumns:
    columns = {name: np.zeros(len(said), dtype) for name, dtype in HEARTBEAT_DTYPES.items()}
    columns["ip"], columns["workload"] = address_bytes(said.address), said.owner.astype(np.uint32)
    columns["port"], columns["protocol"] = said.port.astype(np.uint16), np.where(said.port > 0, TCP, 0).astype(np.uint8)
    columns["start_us"], columns["end_us"] = said.start_us + ORIGIN_US, said.end_us + ORIGIN_US
    return HeartbeatColumns(**columns)
