"""Rules that every record obeys, on writing and on reading. Each function raises Unreadable with one sentence, or returns.

Instants lie between 1970 and 2106, the end of ClickHouse's DateTime. Counters stay below 2^63.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import or_
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.errors import Unreadable
from schemas.instants import format_instant
from schemas.names import check_name, check_names
from schemas.records.flow_batch import (
    COUNTER_LIMIT,
    COUNTERS,
    FLOW_DTYPES,
    HISTOGRAMS,
    ROLE_NAMES,
    FlowBatch,
    FlowColumns,
    HeartbeatColumns,
    Loss,
)
from schemas.records.histogram import BUCKETS, Histogram
from schemas.records.ip_event import IpEvent
from schemas.records.node_place import NodePlace
from schemas.records.ownership import Ownership, Watermark

INSTANT_LIMIT_US = 2**32 * 1_000_000
"""Instants stay below: 2106-02-07T06:28:16Z."""

WINDOW_SECONDS_MAX = 65_535

ADDRESS_COLUMNS = ("local_ip", "remote_ip", "ip")
"""Columns of 16 bytes a row; all others are one integer a row."""

_BIG_COUNTERS = tuple(name for name in COUNTERS if FLOW_DTYPES[name].itemsize == 8)


def check_batch(batch: FlowBatch, *, in_shape: bool = False, new_names: Sequence[str] | None = None, repeated: bool = False) -> None:
    """`in_shape`: columns are known to have as many rows as they should.

    `new_names`: the names of workloads that have not passed before; None: all of them.
    `repeated`: a batch with the same names and heartbeats, but for their times, has passed, and the times are known to be sound.
    """
    if not in_shape:
        _check_shapes(batch.flows)
        _check_shapes(batch.heartbeats)
    check_names("Node, region or network name", (batch.node_id, batch.region, batch.network))
    check_names("Workload name", batch.workloads if new_names is None else new_names)
    if not batch.node_id:
        raise Unreadable("A batch has an empty node_id; every batch must say which node it is of.")
    check_count("epoch", batch.epoch)
    check_count("seq", batch.seq)
    check_window(batch.window_start_us, batch.window_seconds)
    check_count("batch_index", batch.batch_index, bits=31)
    check_count("batch_count", batch.batch_count, bits=31)
    if 0 < batch.batch_count <= batch.batch_index:
        raise Unreadable(
            f"Batch {batch.batch_index} of {batch.batch_count} does not exist; the index counts from 0 and stays below the count."
        )
    check_names("Zone, version or domain", (batch.zone, batch.agent_version, batch.config_version, *batch.domains))
    _check_flows(batch.flows, len(batch.workloads), len(batch.domains))
    if not repeated:
        _check_heartbeats(batch.heartbeats, len(batch.workloads))
    for loss in batch.losses:
        check_loss(loss)


def check_window(start_us: int, seconds: int) -> None:
    if not 1 <= seconds <= WINDOW_SECONDS_MAX:
        raise Unreadable(f"window_seconds is {seconds}; a window lasts 1 to {WINDOW_SECONDS_MAX} seconds.")
    check_instant("window_start", start_us)
    check_instant("The window's end", start_us + seconds * 1_000_000)
    _check_whole_second("window_start", start_us)


def check_instant(what: str, instant_us: int) -> None:
    if not 0 <= instant_us < INSTANT_LIMIT_US:
        raise Unreadable(f"{what} is {instant_us} us since 1970; instants lie between 1970 and 2106.")


def check_count(what: str, value: int, bits: int = 63) -> None:
    if not 0 <= value < 1 << bits:
        raise Unreadable(f"{what} is {value}; it must be at least 0 and below 2^{bits}.")


def check_loss(loss: Loss) -> None:
    check_instant("A loss's window_start", loss.window_start_us)
    _check_whole_second("A loss's window_start", loss.window_start_us)
    check_names("A loss's stage or reason", (loss.stage, loss.reason))
    for name in ("flows", "packets", "bytes", "id"):
        check_count(f"A loss's {name}", getattr(loss, name))


def check_ip_event(event: IpEvent) -> None:
    check_ip(event.ip)
    check_names("Network or workload name", (event.network, event.workload))
    if event.assigned and not event.workload:
        raise Unreadable("An address is assigned to a workload without a name; name it, or say unassigned.")
    check_instant("An event's time", event.at_us)


def check_ownership(ownership: Ownership) -> None:
    check_ip(ownership.ip)
    check_name("Network name", ownership.network)
    for item in ownership.ranges:
        check_names("Workload, source or node name", (item.workload, item.source, item.node_id))
        if not (0 <= item.port < 2**16 and 0 <= item.protocol < 2**8):
            raise Unreadable(f"A range names port {item.port} of protocol {item.protocol}; ports end at 65535, protocols at 255.")
        check_instant("A range's start", item.start_us)
        check_instant("A range's end", item.end_us)
        if item.end_us < item.start_us:
            raise Unreadable(f"A range ends at {item.end_us} us, before its start at {item.start_us} us.")


def check_node_place(place: NodePlace) -> None:
    check_names("Node, region or zone name", (place.node_id, place.region, place.zone))
    if not place.node_id:
        raise Unreadable("A place is told of a node without a name; it must say which node is there.")
    check_instant("since", place.since_us)
    check_instant("until", place.until_us)
    if place.until_us < place.since_us:
        raise Unreadable(f"Node {place.node_id} is somewhere until {place.until_us} us, before it is there at {place.since_us} us.")


def check_watermark(watermark: Watermark) -> None:
    check_name("Worker name", watermark.worker)
    check_count("A watermark's partition", watermark.partition, bits=31)
    check_instant("reported_until", watermark.reported_until_us)
    check_instant("read_until", watermark.read_until_us)


def check_instants(first_name: str, first: NDArray[np.int64], last_name: str, last: NDArray[np.int64]) -> None:
    """Two columns of instants, the second never before the first."""
    if not len(first) or (np.minimum.reduce(first) >= 0 and np.maximum.reduce(last) < INSTANT_LIMIT_US and not (last < first).any()):
        return
    outside = (first < 0) | (first >= INSTANT_LIMIT_US) | (last < 0) | (last >= INSTANT_LIMIT_US)
    if outside.any():
        row = int(np.argmax(outside))
        raise Unreadable(f"Row {row} lasts from {first[row]} to {last[row]} us since 1970; instants lie between 1970 and 2106.")
    backwards = last < first
    if backwards.any():
        row = int(np.argmax(backwards))
        start, end = format_instant(int(first[row])), format_instant(int(last[row]))
        raise Unreadable(f"{last_name} of row {row} is {end}, before its {first_name}, {start}; an end must not lie before its start.")


def _check_whole_second(what: str, instant_us: int) -> None:
    if instant_us % 1_000_000:
        raise Unreadable(f"{what} is {instant_us} us since 1970, not on a whole second; align windows to seconds.")


def _check_flows(flows: FlowColumns, workloads: int, domains: int) -> None:
    for name in HISTOGRAMS:
        _check_histogram(name, getattr(flows, name), len(flows))
    if not len(flows):
        return
    _check_below("local_workload", flows.local_workload, workloads, "workloads")
    _check_below("remote_domain", flows.remote_domain, domains + 1, "domains, with the one that is none")
    _check_below("role", flows.role, len(ROLE_NAMES), "roles")
    check_instants("first_seen_us", flows.first_seen_us, "last_seen_us", flows.last_seen_us)
    big = {name: getattr(flows, name) for name in _BIG_COUNTERS}
    if np.maximum.reduce(reduce(or_, big.values())) < COUNTER_LIMIT:
        return
    for name, column in big.items():
        if int(column.max()) >= COUNTER_LIMIT:
            raise Unreadable(f"{name} of row {int(column.argmax())} is {column.max()}; counters stay below 2^63.")


def _check_histogram(name: str, histogram: Histogram, rows: int) -> None:
    if not len(histogram):
        return
    if not len(histogram.row) == len(histogram.bucket) == len(histogram.samples):
        raise Unreadable(f"The histogram {name} has columns of different lengths.")
    _check_below(f"A flow of the histogram {name}", histogram.row, rows, "flows")
    _check_below(f"A bucket of the histogram {name}", histogram.bucket, BUCKETS, "buckets")
    place = histogram.row.astype(np.int64) * BUCKETS + histogram.bucket
    if (place[1:] <= place[:-1]).any() or not histogram.samples.all():
        raise Unreadable(f"The histogram {name} has a bucket twice, out of order or without samples; list each that has any once, rising.")


def _check_heartbeats(heartbeats: HeartbeatColumns, workloads: int) -> None:
    _check_below("A heartbeat's workload", heartbeats.workload, workloads, "workloads")
    check_instants("start_us", heartbeats.start_us, "end_us", heartbeats.end_us)


def _check_shapes(columns: FlowColumns | HeartbeatColumns) -> None:
    rows = len(columns)
    flat, wide = (rows,), (rows, 16)
    for name, column in vars(columns).items():
        if name in HISTOGRAMS:
            continue
        expected = wide if name in ADDRESS_COLUMNS else flat
        if column.shape != expected:
            raise Unreadable(f"Column {name} has the shape {column.shape} where {expected} is needed for {rows} rows.")


def _check_below(name: str, column: NDArray[Any], limit: int, of_what: str) -> None:
    if len(column) and np.maximum.reduce(column) >= limit:
        raise Unreadable(f"{name} of row {int(column.argmax())} is {column.max()}, and there are {limit} {of_what}.")


def check_ip(ip: bytes) -> None:
    if len(ip) != 16:
        raise Unreadable(f"An address has {len(ip)} bytes; addresses have 16, IPv4 as ::ffff:a.b.c.d.")
