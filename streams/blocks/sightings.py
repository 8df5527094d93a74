"""Rows of the table `nodes`: which nodes there are, where, and what they run.

A row for a node that is new or has changed, and one a minute for each that goes on: by the time of its windows, not of this clock.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from schemas.records.flow_batch import FlowBatch
from schemas.records.tables import NODES
from streams.observe import metrics

EVERY_US = 60_000_000
MAX_NODES = 200_000

State = tuple[str, str, str, str]
"""Zone, region, version of the agent, version of its live settings."""


@dataclass(slots=True)
class _Sighting:
    """From `first_us` to `last_us` the node was in this state. `written_us`: `last_us` of the last row of it."""

    node: str
    state: State
    first_us: int
    last_us: int
    written_us: int


class Sightings:
    """One for all blocks of a worker. Beyond `max_nodes` the node whose last row is the oldest is forgotten, and is new when it comes
    again: its rows say the same, but for `first_seen`.

    What a row says may be lost with its block. It is said again a minute later.
    """

    def __init__(self, max_nodes: int = MAX_NODES) -> None:
        self._max_nodes = max_nodes
        self._nodes: OrderedDict[str, _Sighting] = OrderedDict()

    def rows(self, batches: Sequence[FlowBatch], region: str) -> pa.Table:
        """What the batches of a block bring; `region` is for batches that name none. Called by one thread at a time."""
        due: dict[int, _Sighting] = {}
        for batch in batches:
            if found := self._due(batch, region):
                due[id(found)] = found
        table = self._table(list(due.values()))
        while len(self._nodes) > self._max_nodes:
            self._nodes.popitem(last=False)
        metrics.fill("sightings", len(self._nodes), self._max_nodes)
        return table

    def _due(self, batch: FlowBatch, region: str) -> _Sighting | None:
        state, end_us = (batch.zone, batch.region or region, batch.agent_version, batch.config_version), batch.window_end_us
        known = self._nodes.get(batch.node_id)
        if known is None or (known.state != state and end_us > known.last_us):
            known = self._nodes[batch.node_id] = _Sighting(batch.node_id, state, batch.window_start_us, end_us, end_us)
            return known
        if known.state != state:  # late, or of another agent in the same window
            return None
        known.first_us, known.last_us = min(known.first_us, batch.window_start_us), max(known.last_us, end_us)
        return known if known.last_us - known.written_us >= EVERY_US else None

    def _table(self, seen: Sequence[_Sighting]) -> pa.Table:
        for one in seen:
            one.written_us = one.last_us
            self._nodes.move_to_end(one.node)
        zone, region, agent_version, config_version = ([one.state[at] for one in seen] for at in range(4))
        columns = {
            "node_id": [one.node for one in seen],
            "zone": zone,
            "region": region,
            "agent_version": agent_version,
            "config_version": config_version,
            "first_seen": [one.first_us for one in seen],
            "last_seen": [one.last_us for one in seen],
        }
        return pa.table(columns, schema=NODES)
