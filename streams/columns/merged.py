"""The flows of many batches as one set of columns, so that a block of small batches costs what one large batch does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import U32, U64
from schemas.records.flow_batch import FlowBatch, FlowColumns, joined_flows
from streams.columns.hashing import flow_hashes, text_hashes
from streams.columns.strings import StringTable


@dataclass(frozen=True)
class MergedBatches:
    """`flows.local_workload` and `remote_domain` index `names`, as do the per-batch columns; `batch_of`: which batch a row came from."""

    batches: tuple[FlowBatch, ...]
    names: tuple[str, ...]
    flows: FlowColumns
    batch_of: NDArray[np.int64]
    region: U32  # one a batch, like network and node
    network: U32
    node: U32
    zone: U32

    def __len__(self) -> int:
        return len(self.batch_of)

    @property
    def bounds(self) -> list[int]:
        """Batch i holds the rows from bounds[i] to bounds[i + 1]. Only before `take`."""
        return [0, *np.cumsum([len(batch.flows) for batch in self.batches]).tolist()]

    def take(self, rows: NDArray[np.bool_]) -> MergedBatches:
        if rows.all():
            return self
        return replace(self, flows=self.flows.take(rows), batch_of=self.batch_of[rows])

    def hashes(self) -> U64:
        """Identity of every row within its node, epoch and window."""
        flows, names = self.flows, text_hashes(self.names)
        workload, network = names[flows.local_workload], names[self.network][self.batch_of]
        return flow_hashes(flows.local_ip, flows.remote_ip, flows.service_port, flows.protocol, flows.role, workload, network)


def merge_batches(batches: Sequence[FlowBatch], *, region: str, network: str = "default") -> MergedBatches:
    """`region` and `network` are for batches that name none."""
    names = StringTable()
    counts = np.fromiter((len(batch.flows) for batch in batches), np.int64, len(batches))
    batch_of = np.repeat(np.arange(len(batches)), counts)
    flows = joined_flows([batch.flows for batch in batches])
    flows = replace(
        flows,
        local_workload=names.joined_numbers([batch.workloads for batch in batches], flows.local_workload, batch_of),
        remote_domain=names.joined_numbers([("", *batch.domains) for batch in batches], flows.remote_domain, batch_of),
    )
    region_of = names.numbers([batch.region or region for batch in batches])
    network_of = names.numbers([batch.network or network for batch in batches])
    node_of = names.numbers([batch.node_id for batch in batches])
    zone_of = names.numbers([batch.zone for batch in batches])
    return MergedBatches(tuple(batches), tuple(names.texts), flows, batch_of, region_of, network_of, node_of, zone_of)
