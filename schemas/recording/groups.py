"""What is gathered of one node, epoch, window, network and region, and how it becomes batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from schemas.errors import Unreadable
from schemas.recording.fields import flow_columns
from schemas.records.flow_batch import FlowBatch, FlowColumns, HeartbeatColumns, Loss, empty_flows, joined_flows

Refuse = Callable[[int, str], None]
"""Told the number of a line that is not used, and the reason."""

HeartbeatRow = tuple[bytes, str, int, int, int, int]
"""Address, workload, port, protocol, start and end in microseconds."""


@dataclass(frozen=True)
class Place:
    """What all lines of a group have in common."""

    node_id: str
    epoch: int
    window_start_us: int
    window_seconds: int
    network: str
    region: str

    @property
    def window_us(self) -> tuple[int, int]:
        return self.window_start_us, self.window_start_us + self.window_seconds * 1_000_000


@dataclass
class Group:
    """Flows wait as plain tuples of values, one list for each set of fields: a third of the memory of dicts."""

    place: Place
    lines: dict[tuple[str, ...], list[int]] = field(default_factory=dict)
    values: dict[tuple[str, ...], list[tuple[Any, ...]]] = field(default_factory=dict)
    heartbeats: list[HeartbeatRow] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    about: dict[str, str] = field(default_factory=dict)  # of the node: zone, agent_version, config_version
    items: int = 0  # flows, heartbeats and losses together

    def add_flow(self, line: int, names: tuple[str, ...], values: tuple[Any, ...]) -> None:
        if names not in self.lines:
            self.lines[names], self.values[names] = [], []
        self.lines[names].append(line)
        self.values[names].append(values)
        self.items += 1

    def add_heartbeats(self, rows: list[HeartbeatRow]) -> None:
        self.heartbeats.extend(rows)
        self.items += len(rows)

    def add_loss(self, loss: Loss) -> None:
        self.losses.append(loss)
        self.items += 1

    def batches(self, size: int, next_seq: Callable[[], int], refuse: Refuse) -> Iterator[FlowBatch]:
        """Batches of at most `size` flows, `size` heartbeats and `size` losses each; none where every line was refused."""
        workloads: dict[str, int] = {}
        domains = {"": 0}
        flows = self._flow_columns(workloads, domains, refuse)
        for start in range(0, max(len(flows), len(self.heartbeats), len(self.losses)), size):
            rows = slice(start, start + size)
            heartbeats = _heartbeat_columns(self.heartbeats[rows], workloads)
            yield FlowBatch(
                node_id=self.place.node_id,
                epoch=self.place.epoch,
                seq=next_seq(),
                region=self.place.region,
                network=self.place.network,
                window_start_us=self.place.window_start_us,
                window_seconds=self.place.window_seconds,
                batch_index=0,
                batch_count=0,
                workloads=tuple(workloads),
                flows=flows.part(slice(*rows.indices(len(flows))[:2])),
                heartbeats=heartbeats,
                losses=tuple(self.losses[rows]),
                domains=tuple(domains)[1:],
                **self.about,
            )

    def _flow_columns(self, workloads: dict[str, int], domains: dict[str, int], refuse: Refuse) -> FlowColumns:
        """In the order of the lines."""
        parts, lines = [], []
        for names in self.lines:
            part, kept = _columns(names, self.lines[names], self.values[names], self.place.window_us, workloads, domains, refuse)
            parts.append(part)
            lines.extend(kept)
        if len(parts) == 1:
            return parts[0]
        together = joined_flows(parts)
        return together.take(np.argsort(np.array(lines, np.int64), kind="stable"))


def _columns(
    names: tuple[str, ...],
    lines: list[int],
    values: list[tuple[Any, ...]],
    window_us: tuple[int, int],
    workloads: dict[str, int],
    domains: dict[str, int],
    refuse: Refuse,
) -> tuple[FlowColumns, list[int]]:
    """The usable flows and their line numbers. All are tried at once; one by one only where that fails."""
    try:
        return flow_columns(_by_field(names, values), len(values), window_us, workloads, domains), lines
    except Unreadable:
        usable = [_usable(names, row, line, window_us, refuse) for line, row in zip(lines, values, strict=True)]
    kept_lines = [line for line, good in zip(lines, usable, strict=True) if good]
    kept = [row for row, good in zip(values, usable, strict=True) if good]
    columns = flow_columns(_by_field(names, kept), len(kept), window_us, workloads, domains) if kept else empty_flows()
    return columns, kept_lines


def _usable(names: tuple[str, ...], row: tuple[Any, ...], line: int, window_us: tuple[int, int], refuse: Refuse) -> bool:
    try:
        flow_columns(_by_field(names, [row]), 1, window_us, {}, {})
    except Unreadable as error:
        refuse(line, str(error))
        return False
    return True


def _by_field(names: tuple[str, ...], values: list[tuple[Any, ...]]) -> dict[str, Sequence[Any]]:
    return dict(zip(names, zip(*values, strict=True), strict=True))


def _heartbeat_columns(rows: list[HeartbeatRow], workloads: dict[str, int]) -> HeartbeatColumns:
    return HeartbeatColumns(
        ip=np.frombuffer(b"".join(row[0] for row in rows), np.uint8).reshape(-1, 16),
        workload=np.array([workloads.setdefault(row[1], len(workloads)) for row in rows], np.uint32),
        port=np.array([row[2] for row in rows], np.uint16),
        protocol=np.array([row[3] for row in rows], np.uint8),
        start_us=np.array([row[4] for row in rows], np.int64),
        end_us=np.array([row[5] for row in rows], np.int64),
    )
