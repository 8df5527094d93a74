"""Flows whose remote address belongs to another region: taken out of a block, and made into messages for that region.

The rule of the two views holds across regions without a word between them. Each view goes to the region of its remote end,
and there alone is it known whether an agent speaks for that end: the client's view is written in the server's region and
counts; the server's is written in the client's region and counts if no agent speaks for the client there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from schemas.records.flow_batch import FlowBatch, Loss, empty_flows, empty_heartbeats
from schemas.wire.codec import decode_batch, encode_batch
from schemas.wire.framing import Framer, unframe
from streams.columns.merged import MergedBatches, merge_batches
from streams.forwarding.regions import HERE, Regions

_PLAIN = Framer()
"""Another region's schema registry need not know this one's schemas: what crosses carries its fingerprint instead. And its workers may be
older: what crosses is then written for them.
"""


@dataclass(frozen=True)
class ForwardedBatch:
    """A message for `weir.forward.<region>`. The key is the node's: repeats of its flows meet in one partition there."""

    region: str
    key: bytes
    value: bytes
    flows: int


def split_by_region(joined: MergedBatches, regions: Regions, framer: Framer = _PLAIN) -> tuple[MergedBatches, tuple[ForwardedBatch, ...]]:
    """The flows that stay, and messages with those that do not. `framer`: without a registry."""
    region_of = regions.of(joined.flows.remote_ip)
    away = region_of != HERE
    if not away.any():
        return joined, ()
    return joined.take(~away), tuple(_crossings(joined.take(away), region_of[away], regions.names, framer))


def _crossings(joined: MergedBatches, region_of: NDArray[np.int16], names: tuple[str, ...], framer: Framer) -> Iterator[ForwardedBatch]:
    """One message for each batch and region, with the rows in their order."""
    order = np.lexsort((region_of, joined.batch_of))
    changes = np.any([np.diff(column[order]) != 0 for column in (joined.batch_of, region_of)], axis=0)
    for rows in np.split(order, np.flatnonzero(changes) + 1):
        batch = _with_rows(joined, int(joined.batch_of[rows[0]]), rows)
        yield ForwardedBatch(names[region_of[rows[0]]], batch.node_id.encode(), _framed(batch, framer), len(rows))


def _with_rows(joined: MergedBatches, number: int, rows: NDArray[np.intp]) -> FlowBatch:
    """Some flows of a batch as they were, and nothing else of it: heartbeats and losses are the home region's.

    How many such messages its window has is not known to the region that gets them, so they count as slices of none.
    """
    flows = joined.flows.take(rows)
    used, local = np.unique(flows.local_workload, return_inverse=True)
    named, domain = np.unique(flows.remote_domain, return_inverse=True)
    domains = [joined.names[name] for name in named.tolist()]
    place = np.cumsum([domain != "" for domain in domains]) * [domain != "" for domain in domains]
    return replace(
        joined.batches[number],
        region=joined.names[joined.region[number]],
        network=joined.names[joined.network[number]],
        batch_index=0,
        batch_count=0,
        workloads=tuple(joined.names[name] for name in used.tolist()),
        flows=replace(flows, local_workload=local.astype(np.uint32), remote_domain=place[domain].astype(np.uint32)),
        domains=tuple(filter(None, domains)),
        heartbeats=empty_heartbeats(),
        losses=(),
    )


def loss_report(value: bytes, reason: str) -> tuple[bytes, bytes]:
    """Key and value of the message that reports the flows of this one as lost, in its schema. The same flows give the same loss."""
    framed = unframe(value)
    batch = decode_batch(framed.body, framed.writer)
    hashes = merge_batches((batch,), region="").hashes()
    loss = Loss.of_flows(batch.window_start_us, "forward", reason, batch.flows, hashes)
    report = replace(batch, workloads=(), domains=(), flows=empty_flows(), losses=(loss,))
    return batch.node_id.encode(), _framed(report, Framer(older=(framed.writer,)))


def _framed(batch: FlowBatch, framer: Framer) -> bytes:
    return framer.frame("FlowBatch", encode_batch(batch, framer.writes("FlowBatch")))
