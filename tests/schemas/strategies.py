"""Random records for hypothesis: every field over its whole range, every rule kept."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from schemas.records.flow_batch import (
    COUNTER_LIMIT,
    FLOW_DTYPES,
    HEARTBEAT_DTYPES,
    HISTOGRAMS,
    FlowBatch,
    FlowColumns,
    HeartbeatColumns,
    Loss,
)
from schemas.records.histogram import BUCKETS, Histogram, histogram_of_lists
from schemas.records.ip_event import IpEvent
from schemas.records.ownership import AddressRange, Ownership, Watermark
from schemas.records.validation import INSTANT_LIMIT_US, WINDOW_SECONDS_MAX

COUNTS = st.integers(0, COUNTER_LIMIT - 1)
INSTANTS = st.integers(0, INSTANT_LIMIT_US - 1)
NAMES = st.one_of(
    st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=40),
    st.sampled_from(["checkout", "'; DROP TABLE flows; --", "ä" * 256, "x" * 512, "a|b"]),
)
FULL_NAMES = NAMES.filter(bool)
ADDRESSES = st.one_of(st.binary(min_size=16, max_size=16), st.binary(min_size=4, max_size=4).map(lambda ip: b"\0" * 10 + b"\xff\xff" + ip))
SPANS = st.tuples(INSTANTS, INSTANTS).map(lambda pair: (min(pair), max(pair)))


def address_columns(rows: int) -> st.SearchStrategy[NDArray[np.uint8]]:
    return st.lists(ADDRESSES, min_size=rows, max_size=rows).map(lambda items: np.frombuffer(b"".join(items), np.uint8).reshape(rows, 16))


def number_columns(rows: int, dtype: np.dtype[Any], limit: int | None = None) -> st.SearchStrategy[NDArray[Any]]:
    top = min(limit or COUNTER_LIMIT, 1 << 8 * dtype.itemsize) - 1
    return st.lists(st.integers(0, top), min_size=rows, max_size=rows).map(lambda values: np.array(values, dtype))


@st.composite
def histograms(draw: st.DrawFn, rows: int) -> Histogram:
    buckets = st.lists(st.one_of(st.just(0), st.integers(0, 2**32 - 1)), max_size=BUCKETS)
    return histogram_of_lists(draw(st.lists(st.one_of(st.just([]), buckets), min_size=rows, max_size=rows)))


@st.composite
def flow_columns(draw: st.DrawFn, rows: int, workloads: int, domains: int = 0) -> FlowColumns:
    spans = draw(st.lists(SPANS, min_size=rows, max_size=rows))
    columns: dict[str, Any] = {
        "local_ip": draw(address_columns(rows)),
        "remote_ip": draw(address_columns(rows)),
        "role": draw(number_columns(rows, np.dtype("u1"), 3)),
        "local_workload": draw(number_columns(rows, np.dtype("<u4"), workloads)),
        "first_seen_us": np.array([span[0] for span in spans], "<i8"),
        "last_seen_us": np.array([span[1] for span in spans], "<i8"),
    }
    columns["remote_domain"] = draw(number_columns(rows, FLOW_DTYPES["remote_domain"], domains + 1))
    for name, dtype in FLOW_DTYPES.items():
        if name not in columns:
            columns[name] = draw(number_columns(rows, dtype))
    return FlowColumns(**columns, **{name: draw(histograms(rows)) for name in HISTOGRAMS})


@st.composite
def heartbeat_columns(draw: st.DrawFn, rows: int, workloads: int) -> HeartbeatColumns:
    spans = draw(st.lists(SPANS, min_size=rows, max_size=rows))
    return HeartbeatColumns(
        ip=draw(address_columns(rows)),
        workload=draw(number_columns(rows, np.dtype("<u4"), workloads)),
        port=draw(number_columns(rows, HEARTBEAT_DTYPES["port"])),
        protocol=draw(number_columns(rows, HEARTBEAT_DTYPES["protocol"])),
        start_us=np.array([span[0] for span in spans], "<i8"),
        end_us=np.array([span[1] for span in spans], "<i8"),
    )


WINDOW_STARTS = st.integers(0, INSTANT_LIMIT_US // 1_000_000 - WINDOW_SECONDS_MAX - 1).map(lambda seconds: seconds * 1_000_000)
LOSSES = st.builds(Loss, WINDOW_STARTS, FULL_NAMES, FULL_NAMES, COUNTS, COUNTS, COUNTS, COUNTS)


@st.composite
def batches(draw: st.DrawFn) -> FlowBatch:
    workloads = tuple(draw(st.lists(NAMES, min_size=1, max_size=4, unique=True)))
    domains = tuple(draw(st.lists(NAMES, max_size=3, unique=True)))
    count = draw(st.integers(0, 5))
    seconds = draw(st.integers(1, WINDOW_SECONDS_MAX))
    return FlowBatch(
        node_id=draw(FULL_NAMES),
        epoch=draw(COUNTS),
        seq=draw(COUNTS),
        region=draw(NAMES),
        network=draw(NAMES),
        window_start_us=draw(WINDOW_STARTS),
        window_seconds=seconds,
        batch_index=draw(st.integers(0, max(0, count - 1))),
        batch_count=count,
        workloads=workloads,
        flows=draw(flow_columns(draw(st.integers(0, 4)), len(workloads), len(domains))),
        heartbeats=draw(heartbeat_columns(draw(st.integers(0, 3)), len(workloads))),
        losses=tuple(draw(st.lists(LOSSES, max_size=2))),
        zone=draw(NAMES),
        agent_version=draw(NAMES),
        config_version=draw(NAMES),
        domains=domains,
    )


IP_EVENTS = st.builds(IpEvent, NAMES, ADDRESSES, FULL_NAMES, st.booleans(), INSTANTS)
RANGES = st.builds(
    lambda workload, port, protocol, span, source, node: AddressRange(workload, port, protocol, span[0], span[1], source, node),
    NAMES,
    st.integers(0, 65_535),
    st.integers(0, 255),
    SPANS,
    st.sampled_from(["heartbeat", "ip_event"]),
    NAMES,
)
OWNERSHIPS = st.builds(Ownership, NAMES, ADDRESSES, st.lists(RANGES, max_size=4).map(tuple))
WATERMARKS = st.builds(Watermark, st.integers(0, 2**31 - 1), INSTANTS, INSTANTS, NAMES)
