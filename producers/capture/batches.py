"""Batches: one window cut into slices of bounded size, deterministically."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from producers.capture.aggregate import Folded
from producers.capture.window import Window
from producers.identity.holdings import Holding
from schemas.records.flow_batch import HISTOGRAMS, FlowBatch, FlowColumns, HeartbeatColumns, Loss, empty_flows, empty_heartbeats

HEARTBEATS_A_BATCH = 1_000
LOSSES_A_BATCH = 500
NAME_BYTES_A_BATCH = 65_536
BUCKETS_A_BATCH = 16_000
"""With 5,000 flows of 152 bytes, a message stays near 1 MB before compression, whatever the names and histograms (5 bytes a bucket)."""


@dataclass(frozen=True)
class Heartbeat:
    """One heartbeat: the holding was the workload's from start to end (half-open)."""

    holding: Holding
    start_us: int
    end_us: int


@dataclass(frozen=True)
class Source:
    """What every batch of an agent says about itself."""

    node_id: str
    epoch: int
    region: str
    network: str
    zone: str = ""
    agent_version: str = ""


def cut(
    source: Source, window: Window, seq: int, folded: Folded, heartbeats: Sequence[Heartbeat], losses: Sequence[Loss], batch_flows: int
) -> tuple[FlowBatch, ...]:
    """The batches of a window, numbered from `seq` on; at least one, since an empty window is a heartbeat too."""
    slices = zip_longest(_flow_slices(folded, batch_flows), _heartbeat_slices(heartbeats), _loss_slices(losses))
    parts = [_part(folded, *piece) for piece in slices] or [_part(folded, None, None, None)]
    return tuple(
        FlowBatch(
            source.node_id,
            source.epoch,
            seq + index,
            source.region,
            source.network,
            window.start_us,
            window.seconds,
            index,
            len(parts),
            *part,
            zone=source.zone,
            agent_version=source.agent_version,
            domains=domains,
        )
        for index, (part, domains) in enumerate(parts)
    )


Part = tuple[tuple[str, ...], FlowColumns, HeartbeatColumns, tuple[Loss, ...]]
Domains = tuple[str, ...]


def _part(
    folded: Folded, rows: slice | None, heartbeats: Sequence[Heartbeat] | None, losses: Sequence[Loss] | None
) -> tuple[Part, Domains]:
    """One batch's content, with dictionaries of the names that it uses and no others."""
    flows = folded.flows.part(rows) if rows is not None else empty_flows()
    used = {folded.workloads[i] for i in _used(flows.local_workload)}
    names = tuple(sorted(used | {heartbeat.holding.workload for heartbeat in heartbeats or ()}))
    position = {name: index for index, name in enumerate(names)}
    translation = np.array([position.get(name, 0) for name in folded.workloads], np.uint32)
    local = translation[flows.local_workload] if len(flows) else flows.local_workload
    domains, remote = _domains(folded.domains, flows.remote_domain)
    flows = replace(flows, local_workload=local, remote_domain=remote)
    return (names, flows, _heartbeats(heartbeats or (), position), tuple(losses or ())), domains


def _domains(known: Domains, numbers: NDArray[np.uint32]) -> tuple[Domains, NDArray[np.uint32]]:
    """The domains that the numbers point to, sorted, and the numbers by which they point there."""
    used = _used(numbers)
    used = used[used > 0]
    domains = tuple(sorted(known[number - 1] for number in used))
    position = {name: index for index, name in enumerate(domains, 1)}
    translation = np.zeros(len(known) + 1, np.uint32)
    translation[used] = [position[known[number - 1]] for number in used]
    return domains, translation[numbers]


def _used(workloads: NDArray[np.uint32]) -> NDArray[np.intp]:
    """The numbers that occur. (np.unique would do, and load all of numpy.ma for it.)"""
    return np.flatnonzero(np.bincount(workloads))


def _heartbeats(heartbeats: Sequence[Heartbeat], position: dict[str, int]) -> HeartbeatColumns:
    if not heartbeats:
        return empty_heartbeats()
    return HeartbeatColumns(
        np.frombuffer(b"".join(c.holding.ip for c in heartbeats), np.uint8).reshape(-1, 16),
        np.array([position[c.holding.workload] for c in heartbeats], np.uint32),
        np.array([c.holding.port for c in heartbeats], np.uint16),
        np.array([c.holding.protocol for c in heartbeats], np.uint8),
        np.array([c.start_us for c in heartbeats], np.int64),
        np.array([c.end_us for c in heartbeats], np.int64),
    )


def _flow_slices(folded: Folded, batch_flows: int) -> Iterator[slice]:
    sizes = np.array([len(name.encode()) for name in folded.workloads], np.int64)
    domain_sizes = np.array([0, *map(len, folded.domains)], np.int64)
    pending = [slice(i, min(i + batch_flows, len(folded.flows))) for i in range(0, len(folded.flows), batch_flows)][::-1]
    while pending:
        rows = pending.pop()
        size = sizes[_used(folded.flows.local_workload[rows])].sum() + domain_sizes[_used(folded.flows.remote_domain[rows])].sum()
        if rows.stop - rows.start > 1 and (size > NAME_BYTES_A_BATCH or _buckets(folded.flows, rows) > BUCKETS_A_BATCH):
            middle = (rows.start + rows.stop) // 2
            pending += [slice(middle, rows.stop), slice(rows.start, middle)]
        else:
            yield rows


def _buckets(flows: FlowColumns, rows: slice) -> int:
    """How many buckets of the rows have samples."""
    bounds = (rows.start, rows.stop)
    return sum(int(np.diff(np.searchsorted(getattr(flows, name).row, bounds))[0]) for name in HISTOGRAMS)


def _heartbeat_slices(heartbeats: Sequence[Heartbeat]) -> Iterator[Sequence[Heartbeat]]:
    start = size = 0
    for index, heartbeat in enumerate(heartbeats):
        size += len(heartbeat.holding.workload.encode())
        if index > start and (index - start >= HEARTBEATS_A_BATCH or size > NAME_BYTES_A_BATCH):
            yield heartbeats[start:index]
            start, size = index, len(heartbeat.holding.workload.encode())
    if start < len(heartbeats):
        yield heartbeats[start:]


def _loss_slices(losses: Sequence[Loss]) -> Iterator[Sequence[Loss]]:
    for start in range(0, len(losses), LOSSES_A_BATCH):
        yield losses[start : start + LOSSES_A_BATCH]
