"""A drained map as flow columns: ids become workloads, stamps become wall time, and no flow key stands twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpf.probe import Drained
from producers.capture.clock import to_utc_us
from producers.identity.served import NO_EXCEPTIONS, Served
from schemas.records.flow_batch import COUNTER_LIMIT, COUNTERS, FLOW_DTYPES, HISTOGRAMS, ROLE_SERVER, FlowColumns, empty_flows
from schemas.records.histogram import BUCKETS, Histogram

_MAXIMA = frozenset({"rtt_us_max"})
_IDENTITY = (("local_ip", "V16"), ("remote_ip", "V16"), ("port", ">u2"), ("protocol", "u1"), ("role", "u1"), ("workload", ">u4"))


@dataclass(frozen=True)
class Folded:
    """The flows of one window in a fixed order. `workloads` is sorted; `flows.local_workload` indexes it.

    `flows.remote_domain` indexes `domains`, from 1 on; 0: none.
    """

    workloads: tuple[str, ...]
    flows: FlowColumns
    domains: tuple[str, ...] = ()


@dataclass(frozen=True)
class RowDomains:
    """What each row's cgroup had asked DNS for: 0 for nothing, i for `texts[i - 1]`, CONTESTED for several names."""

    texts: tuple[str, ...]
    numbers: NDArray[np.uint32]


CONTESTED = 2**32 - 1
NOTHING = Folded((), empty_flows())


def fold(
    drained: Drained,
    name: Callable[[int], str],
    offset_ns: int,
    now_us: int,
    served: Served = NO_EXCEPTIONS,
    asked: RowDomains | None = None,
) -> Folded:
    """Columns of a drained map. `asked`: names of the remote ends, row for row.

    What a socket served goes by its user, where `served` tells of another than the socket's cgroup.
    Cgroups that `name` maps to one workload share a row per flow key: counters add up, times span both. The rows come
    sorted by key, so that the same content always gives the same rows, whatever order the map had.
    """
    keys, values = drained.keys, drained.values
    if not len(keys):
        return NOTHING
    workloads, local_workload = _workloads(keys, name, served)
    order, starts = groups(_identities(keys, local_workload))
    domains = np.zeros(len(starts), np.uint32) if asked is None else agreed(asked.numbers[order], starts)
    first_us, last_us = _times(values, offset_ns, now_us)
    histograms = {kind: getattr(drained, kind) for kind in HISTOGRAMS}
    flows = _grouped(order, starts, keys, local_workload, (first_us, last_us), domains, values, histograms)
    return Folded(workloads, flows, () if asked is None else asked.texts)


def renamed(folded: Folded, name: Callable[[str], str]) -> Folded:
    """The same flows under other names of workloads. Rows that have one key then are added up, as `fold` would have done."""
    texts = [name(workload) for workload in folded.workloads]
    if tuple(texts) == folded.workloads:
        return folded
    workloads = sorted(set(texts))
    position = {workload: number for number, workload in enumerate(workloads)}
    columns = {field: getattr(folded.flows, field) for field in FLOW_DTYPES}
    local_workload = np.array([position[text] for text in texts], np.uint32)[columns["local_workload"]]
    order, starts = groups(_identities(columns, local_workload))
    # Of a row without a name it is not known whether there were none, or several: beside another it leaves none.
    most, least = (extreme.reduceat(columns["remote_domain"][order], starts) for extreme in (np.maximum, np.minimum))
    domains = np.where(most == least, most, np.uint32(0))
    times = columns["first_seen_us"], columns["last_seen_us"]
    histograms = {kind: getattr(folded.flows, kind) for kind in HISTOGRAMS}
    flows = _grouped(order, starts, columns, local_workload, times, domains, columns, histograms)
    return Folded(tuple(workloads), flows, folded.domains)


def _grouped(
    order: NDArray[np.intp],
    starts: NDArray[np.intp],
    keys: Any,
    local_workload: NDArray[np.uint32],
    times: tuple[NDArray[np.int64], NDArray[np.int64]],
    domains: NDArray[np.uint32],
    counters: Any,
    histograms: Mapping[str, Histogram],
) -> FlowColumns:
    """A row for each group: `order` brings the rows of one together, each begins at one of `starts`. `domains`: of the groups already."""
    first = order[starts]
    columns: dict[str, Any] = {
        **{field: keys[field][first] for field in ("local_ip", "remote_ip", "service_port", "protocol", "role")},
        "local_workload": local_workload[first],
        "first_seen_us": np.minimum.reduceat(times[0][order], starts),
        "last_seen_us": np.maximum.reduceat(times[1][order], starts),
        "remote_domain": domains,
        **{counter: _combined(counter, counters[counter][order], starts) for counter in COUNTERS},
    }
    place = np.empty(len(order), np.int64)  # the group of each row
    place[order] = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(order))))
    columns = {n: np.ascontiguousarray(c, dtype=FLOW_DTYPES[n]) for n, c in columns.items()}
    columns |= {kind: _folded(histogram, place) for kind, histogram in histograms.items()}
    return FlowColumns(**columns)


def agreed(numbers: NDArray[np.uint32], starts: NDArray[np.intp]) -> NDArray[np.uint32]:
    """The one name of each group of rows; 0 where there is none, or more than one."""
    most = np.maximum.reduceat(numbers, starts)
    least = np.minimum.reduceat(np.where(numbers == 0, np.uint32(CONTESTED), numbers), starts)
    one: NDArray[np.uint32] = np.where((most == least) & (most != CONTESTED), most, np.uint32(0))
    return one


def _workloads(keys: NDArray[Any], name: Callable[[int], str], served: Served) -> tuple[tuple[str, ...], NDArray[np.uint32]]:
    """Asks for a name once per cgroup, and once per socket that may be served by another; not once per flow."""
    distinct, inverse = np.unique(keys["cgroup"], return_inverse=True)
    named, index = [name(int(cgroup_id)) for cgroup_id in distinct], inverse.reshape(-1)
    rows = np.flatnonzero(served.may_differ(distinct)[index] & (keys["role"] == ROLE_SERVER))
    if len(rows):
        index = index.copy()
        order, starts = groups(_services(keys[rows]))
        for group in np.split(rows[order], starts[1:]):
            key = keys[group[0]]
            user = served.user((int(key["cgroup"]), key["local_ip"].tobytes(), int(key["service_port"]), int(key["protocol"])))
            if user is not None:
                index[group] = len(named)
                named.append(user)
    present = np.flatnonzero(np.bincount(index, minlength=len(named)))  # np.unique would do, and load all of numpy.ma for it
    workloads = sorted({named[i] for i in present})
    position = {workload: number for number, workload in enumerate(workloads)}
    numbers = np.zeros(len(named), np.uint32)
    numbers[present] = [position[named[i]] for i in present]
    return tuple(workloads), numbers[index]


def _services(keys: NDArray[Any]) -> NDArray[Any]:
    """Each row's served socket as one opaque value."""
    table = np.zeros(len(keys), np.dtype([("cgroup", ">u8"), ("ip", "V16"), ("port", ">u4"), ("protocol", ">u4")]))
    table["cgroup"] = keys["cgroup"]
    table["ip"] = np.ascontiguousarray(keys["local_ip"]).view("V16").reshape(-1)
    table["port"] = keys["service_port"]
    table["protocol"] = keys["protocol"]
    return table.view(f"V{table.dtype.itemsize}")


def _identities(keys: Any, local_workload: NDArray[np.uint32]) -> NDArray[Any]:
    """Each row's flow key as one opaque value whose byte order sorts like the key."""
    table = np.zeros(len(local_workload), np.dtype(list(_IDENTITY)))
    table["local_ip"] = np.ascontiguousarray(keys["local_ip"]).view("V16").reshape(-1)
    table["remote_ip"] = np.ascontiguousarray(keys["remote_ip"]).view("V16").reshape(-1)
    table["port"] = keys["service_port"]
    table["protocol"] = keys["protocol"]
    table["role"] = keys["role"]
    table["workload"] = local_workload
    return table.view(f"V{table.dtype.itemsize}")


def groups(identities: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """An order that brings equal identities together, and where in it each group starts."""
    words = np.ascontiguousarray(identities).view(np.uint8).reshape(len(identities), -1).view(">u8")
    order = np.lexsort(tuple(words[:, column] for column in reversed(range(words.shape[1]))))
    ordered = words[order]
    changed = np.ones(len(order), bool)
    changed[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    return order, np.flatnonzero(changed)


def _times(values: NDArray[Any], offset_ns: int, now_us: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and last packet, in order and not in the future. An entry that saw no packet yet has the present for both."""
    seen = values["last_ns"] != 0
    last = np.where(seen, np.minimum(to_utc_us(values["last_ns"], offset_ns), now_us), now_us)
    first = np.where(values["first_ns"] != 0, to_utc_us(values["first_ns"], offset_ns), last)
    return np.maximum(np.minimum(first, last), 0), last


def _folded(histogram: Histogram, place: NDArray[np.int64]) -> Histogram:
    """Of the folded rows. Samples that come together in a row's bucket add up, to the largest count that one holds."""
    if not len(histogram):
        return histogram
    cells = place[histogram.row] * BUCKETS + histogram.bucket
    order = np.argsort(cells, kind="stable")
    ordered = cells[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    samples = np.add.reduceat(histogram.samples[order].astype(np.uint64), starts)
    row, bucket = np.divmod(ordered[starts], BUCKETS)
    return Histogram(row.astype(np.uint32), bucket.astype(np.uint8), np.minimum(samples, np.iinfo(np.uint32).max).astype(np.uint32))


def _combined(counter: str, column: NDArray[Any], starts: NDArray[np.intp]) -> NDArray[Any]:
    if counter in _MAXIMA:
        combined: NDArray[Any] = np.maximum.reduceat(column, starts)
    else:
        combined = np.add.reduceat(column.astype(np.uint64), starts)
    limit = min(np.iinfo(FLOW_DTYPES[counter]).max, COUNTER_LIMIT - 1)
    bounded: NDArray[Any] = np.minimum(combined, limit)
    return bounded
