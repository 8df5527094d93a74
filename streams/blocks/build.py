"""From the messages of a range to the rows that stand for it: dedup, names, the canonical flag, Arrow tables.

`build_block` is all of them in a row, for workers, tests and benches alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.addresses import is_loopback
from schemas.arrays import U32, U64
from schemas.protocols import PROTOCOL_NAMES
from schemas.records.flow_batch import COUNTERS, ROLE_CLIENT, ROLE_NAMES, FlowBatch
from schemas.records.tables import FLOWS, Block, BlockIdentity
from streams.attribution import places
from streams.attribution.attribute import REASONS, SOURCES, Attribution, Endpoints, attribute
from streams.attribution.canonical import canonical
from streams.attribution.cidr_labels import CidrLabels
from streams.attribution.domains import may_have_domain, registrable_parts
from streams.attribution.places import Places
from streams.attribution.services import name_services
from streams.blocks.side_tables import batches_table, losses_table, ownership_tables
from streams.blocks.sightings import Sightings
from streams.columns import arrow as to_arrow
from streams.columns.merged import MergedBatches, merge_batches
from streams.dedup.resting import Resting
from streams.dedup.state import Admission, DedupState
from streams.forwarding.split import ForwardedBatch
from streams.observe.cpu_stages import stage
from streams.ownership.map import OwnershipMap

Split = Callable[[MergedBatches], tuple[MergedBatches, tuple[ForwardedBatch, ...]]]
"""The flows that stay, and messages with those that belong to other regions."""


@dataclass(frozen=True)
class Built:
    """A block, and what became of the flows that came in. `unattributed`: (reason, flows), reasons that occurred."""

    block: Block
    applied: int
    repeated: int
    late: int
    unattributed: tuple[tuple[str, int], ...]
    forwarded: tuple[ForwardedBatch, ...] = ()


def all_stay(joined: MergedBatches) -> tuple[MergedBatches, tuple[ForwardedBatch, ...]]:
    """The split where there is one region."""
    return joined, ()


def build_block(
    identity: BlockIdentity,
    offsets: Sequence[int],
    batches: Sequence[FlowBatch],
    dedup: DedupState,
    reading: Callable[[], AbstractContextManager[OwnershipMap]],
    *,
    region: str,
    network: str = "default",
    outside: CidrLabels | None = None,
    split: Split = all_stay,
    resting: Resting | None = None,
    sightings: Sightings | None = None,
) -> Built:
    """The road of a block, from the batches of its messages to its rows: dedup, split by region, names, rows.

    `offsets`: where each batch stands in the partition. `reading`: the ownership map, standing still; what the batches teach must have been
    learned before. `region` and `network` are for batches that name none. Remembers the flows in `dedup`, the heartbeats in `resting`
    and the nodes in `sightings` (None: there is nothing to compare with): one call a block.
    """
    with stage("dedup"):
        joined = merge_batches(batches, region=region, network=network)
        new, admissions = admit_all(dedup, joined, joined.hashes())
        kept = joined.take(new)
    with stage("forward"):
        kept, forwarded = split(kept)
    with reading() as known:
        with stage("lookup"):
            ends = remote_ends(kept)
            named = name_services(known, ends, attribute(known, ends))
            named = (outside or CidrLabels()).name(known, ends.ip, named)
            there = _places(kept, named, known)
        with stage("block"):
            told = (resting or Resting()).tell(batches, network)
            built = assemble(identity, offsets, kept, admissions, named, there, known, ownership_tables(told, network))
            nodes = (sightings or Sightings()).rows(batches, region)
            built = replace(built, block=replace(built.block, nodes=nodes))
    return replace(built, forwarded=forwarded)


def admit_all(dedup: DedupState, joined: MergedBatches, hashes: U64) -> tuple[NDArray[np.bool_], list[Admission]]:
    """Which rows are new, and what became of each batch."""
    bounds = joined.bounds
    admissions = [dedup.admit(batch, hashes[bounds[i] : bounds[i + 1]]) for i, batch in enumerate(joined.batches)]
    new = np.concatenate([admission.new for admission in admissions]) if admissions else np.zeros(0, np.bool_)
    return new, admissions


def remote_ends(joined: MergedBatches) -> Endpoints:
    flows = joined.flows
    return Endpoints(
        names=joined.names,
        network=joined.network[joined.batch_of],
        ip=flows.remote_ip,
        protocol=flows.protocol,
        service_port=flows.service_port,
        listening=flows.role == ROLE_CLIENT,
        first_us=flows.first_seen_us,
        last_us=flows.last_seen_us,
    )


def assemble(
    identity: BlockIdentity,
    offsets: Sequence[int],
    kept: MergedBatches,
    admissions: Sequence[Admission],
    named: Attribution,
    there: Places,
    known: OwnershipMap,
    ownership: tuple[pa.Table, pa.Table],
) -> Built:
    """The rows of `kept` (those admitted, named by `named`) and of everything else the block stands for. `ownership`: ranges and rests."""
    ranges, rests = ownership
    block = Block(
        identity,
        _flows_table(identity, offsets, kept, named, there, known),
        losses_table(identity, offsets, kept.batches, admissions),
        ranges,
        batches_table(identity, offsets, kept.batches, admissions),
        rests,
    )
    by_reason = np.bincount(named.reason, minlength=len(REASONS)).tolist()
    return Built(
        block,
        applied=len(kept),
        repeated=sum(admission.repeated for admission in admissions),
        late=sum(admission.late for admission in admissions),
        unattributed=tuple((reason, count) for reason, count in zip(REASONS, by_reason, strict=True) if reason and count),
    )


def _places(kept: MergedBatches, named: Attribution, known: OwnershipMap) -> Places:
    flows, batch_of = kept.flows, kept.batch_of
    there = places.of(known, named, flows.first_seen_us, flows.last_seen_us)
    own = (kept.node[batch_of], kept.zone[batch_of], kept.region[batch_of])
    return places.with_own(there, is_loopback(flows.remote_ip), kept.names, *own)


def _domains(kept: MergedBatches, named: Attribution) -> dict[str, pa.Array]:
    """What was asked for, where the end is outside, and the registrable part of it."""
    used, index = np.unique(kept.flows.remote_domain, return_inverse=True)
    texts = ["", *(kept.names[number] for number in used.tolist())]
    number = np.where(may_have_domain(named), index + 1, 0)
    return {
        "remote_domain": to_arrow.names(number, texts),
        "registrable_domain": to_arrow.texts(number, registrable_parts(texts)),
    }


def _flows_table(
    identity: BlockIdentity, offsets: Sequence[int], kept: MergedBatches, named: Attribution, there: Places, known: OwnershipMap
) -> pa.Table:
    flows, batches, batch_of = kept.flows, kept.batches, kept.batch_of
    columns = {
        "window_start": to_arrow.instants(_spread([batch.window_start_us for batch in batches], batch_of, np.int64)),
        "window_seconds": _spread([batch.window_seconds for batch in batches], batch_of, np.uint16),
        "first_seen": to_arrow.instants(flows.first_seen_us),
        "last_seen": to_arrow.instants(flows.last_seen_us),
        "region": to_arrow.names(kept.region[batch_of], kept.names),
        "network": to_arrow.names(kept.network[batch_of], kept.names),
        "node_id": to_arrow.names(kept.node[batch_of], kept.names),
        "epoch": _spread([batch.epoch for batch in batches], batch_of, np.uint64),
        "protocol": to_arrow.names(flows.protocol, PROTOCOL_NAMES),
        "role": to_arrow.names(flows.role, ROLE_NAMES),
        "local_ip": to_arrow.addresses(flows.local_ip),
        "remote_ip": to_arrow.addresses(flows.remote_ip),
        "service_port": flows.service_port,
        "local_workload": to_arrow.names(flows.local_workload, kept.names),
        "remote_workload": _names(named.owner, known),
        "remote_source": to_arrow.names(named.source, SOURCES),
        "remote_reason": to_arrow.names(named.reason, REASONS),
        "canonical": canonical(flows.protocol, flows.service_port, flows.role, flows.local_ip, flows.remote_ip, named.agent),
        **{name: getattr(flows, name) for name in COUNTERS},
        "topic": to_arrow.constant(identity.topic, len(kept)),
        "local_zone": to_arrow.names(kept.zone[batch_of], kept.names),
        **{f"remote_{what}": to_arrow.texts(*column) for what, column in zip(("node_id", "zone", "region"), there, strict=True)},
        "remote_service": _names(named.service, known),
        **_domains(kept, named),
        "rtt_histogram": to_arrow.histograms(flows.rtt, len(kept)),
        "connect_histogram": to_arrow.histograms(flows.connect, len(kept)),
        "partition": np.full(len(kept), identity.partition, np.uint32),
        "first_offset": _spread(offsets, batch_of, np.uint64),
    }
    return to_arrow.table(columns, FLOWS)


def _names(numbers: U32, known: OwnershipMap) -> pa.Array:
    """Names of the map; empty for NOBODY."""
    texts = known.names.texts
    place = np.minimum(numbers, len(texts))  # NOBODY is the last
    seen = np.zeros(len(texts) + 1, np.bool_)
    seen[place] = True
    used = np.flatnonzero(seen)
    code = np.zeros(len(seen), np.int64)
    code[used] = np.arange(len(used))
    return to_arrow.names(code[place], ["" if number == len(texts) else texts[number] for number in used.tolist()])


def _spread(values: Sequence[int], batch_of: NDArray[np.int64], dtype: type[np.integer]) -> NDArray[Any]:
    spread: NDArray[Any] = np.array(values, dtype)[batch_of]
    return spread
