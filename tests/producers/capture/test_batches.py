"""Batches partition the window: every flow, heartbeat and loss in exactly one of them, and none too large."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from producers.capture.aggregate import NOTHING, Folded
from producers.capture.batches import Heartbeat, Source, cut
from producers.capture.window import Window
from producers.identity.holdings import Holding
from schemas.records.flow_batch import FLOW_DTYPES, FlowBatch, FlowColumns, Loss
from schemas.wire.codec import decode_batch, encode_batch

WINDOW = Window(1_700_000_000_000_000, 10)
SOURCE = Source("n1", 5, "r", "default")
LIMIT = 900_000


def window_of(count: int, names: tuple[str, ...]) -> Folded:
    columns = {name: np.zeros((count, 16) if name.endswith("_ip") else count, dtype) for name, dtype in FLOW_DTYPES.items()}
    columns["bytes_sent"] = np.arange(count, dtype="<u8")
    columns["local_workload"] = (np.arange(count) * len(names) // max(count, 1)).astype("<u4")
    return Folded(names, FlowColumns(**columns))


def claims_of(count: int, name: str = "w") -> list[Heartbeat]:
    return [Heartbeat(Holding(i.to_bytes(16, "big"), f"{name}{i}"), 1, 2) for i in range(count)]


def batches(folded: Folded, claims: list[Heartbeat], losses: list[Loss], batch_flows: int) -> tuple[FlowBatch, ...]:
    return cut(SOURCE, WINDOW, 7, folded, claims, losses, batch_flows)


@given(st.integers(0, 60), st.integers(1, 9), st.integers(0, 30), st.integers(0, 9), st.integers(1, 70))
def test_batches_partition_the_window(flows: int, names: int, claims: int, losses: int, batch_flows: int) -> None:
    folded = window_of(flows, tuple(f"name{i}" for i in range(names)))
    cuts = batches(folded, claims_of(claims), [Loss(0, "agent", f"r{i}") for i in range(losses)], batch_flows)
    assert [b.seq for b in cuts] == list(range(7, 7 + len(cuts)))
    assert [(b.batch_index, b.batch_count) for b in cuts] == [(i, len(cuts)) for i in range(len(cuts))]
    assert all(len(b.flows) <= batch_flows for b in cuts)
    rows = [(int(b.flows.bytes_sent[i]), b.workloads[b.flows.local_workload[i]]) for b in cuts for i in range(len(b.flows))]
    assert rows == [(i, folded.workloads[folded.flows.local_workload[i]]) for i in range(flows)]
    held = [(b.heartbeats.ip[i].tobytes(), b.workloads[b.heartbeats.workload[i]]) for b in cuts for i in range(len(b.heartbeats))]
    assert held == [(c.holding.ip, c.holding.workload) for c in claims_of(claims)]
    assert [loss.reason for b in cuts for loss in b.losses] == [f"r{i}" for i in range(losses)]


def test_an_empty_window_is_a_batch_too() -> None:
    (batch,) = batches(NOTHING, [], [], 10)
    assert (len(batch.flows), len(batch.heartbeats), batch.batch_count) == (0, 0, 1)


def test_a_batch_knows_only_the_names_that_it_uses() -> None:
    first, second = batches(window_of(4, ("a", "b")), [], [], 2)
    assert (first.workloads, second.workloads) == (("a",), ("b",))


def test_no_message_outgrows_kafka_whatever_the_names() -> None:
    names = tuple(f"{i:0>512}" for i in range(5_000))
    losses = [Loss(i * 1_000_000, "s" * 20, "r" * 20, 2**60, 2**60, 2**60, i) for i in range(2_000)]
    cuts = batches(window_of(10_000, names), claims_of(3_000, "x" * 500), losses, 5_000)
    sizes = [len(encode_batch(batch)) for batch in cuts]
    assert max(sizes) < LIMIT
    assert sum(len(batch.flows) for batch in cuts) == 10_000


def test_the_largest_batch_of_flows_fits() -> None:
    (batch,) = batches(window_of(5_000, ("a",)), [], [], 5_000)
    assert len(encode_batch(batch)) < LIMIT


def test_the_same_window_cuts_the_same_way_and_survives_the_wire() -> None:
    folded = window_of(100, ("a", "b", "c"))
    one, other = (batches(folded, claims_of(3), [Loss(0, "agent", "x")], 30) for _ in range(2))
    assert [encode_batch(b) for b in one] == [encode_batch(b) for b in other]
    assert decode_batch(encode_batch(one[0])).workloads == one[0].workloads
