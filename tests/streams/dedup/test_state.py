"""Each flow once: whatever the order, the repetition and the cut, and across a restart."""

from __future__ import annotations

import random
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.records.flow_batch import FlowBatch, Loss
from streams.columns.merged import merge_batches
from streams.dedup.interval_set import IntervalSet
from streams.dedup.state import Admission, DedupState
from tests.streams.support import batch

HORIZON_US = 60_000_000
Key = tuple[str, int, int, int]


def state(entries: int = 1_000_000) -> DedupState:
    return DedupState(horizon_us=HORIZON_US, max_entries=entries)


def admit(dedup: DedupState, one: FlowBatch) -> Admission:
    return dedup.admit(one, merge_batches([one], region="eu").hashes())


def admitted(dedup: DedupState, batches: Iterable[FlowBatch]) -> list[Key]:
    keys = []
    for one in batches:
        new = admit(dedup, one).new
        ports = one.flows.service_port[new].tolist()
        keys += [(one.node_id, one.epoch, one.window_start_us, port) for port in ports]
    return keys


@st.composite
def deliveries(draw: st.DrawFn) -> list[FlowBatch]:
    """Windows cut into batches by agents, and the same flows from recordings in any cut; repeated and shuffled."""
    chance = draw(st.randoms(use_true_random=False))
    sent: list[FlowBatch] = []
    window_of_a_node = st.tuples(st.sampled_from("xy"), st.integers(1, 2), st.integers(0, 5))
    for node, epoch, window in draw(st.lists(window_of_a_node, max_size=5, unique=True)):
        keys = draw(st.lists(st.integers(0, 40), min_size=1, max_size=12, unique=True))
        size = draw(st.integers(1, 5))
        cuts = [keys[at : at + size] for at in range(0, len(keys), size)]
        sent += [batch(cut, window=window, node=node, epoch=epoch, index=i, count=len(cuts)) for i, cut in enumerate(cuts)]
        sent += [batch(chance.choices(keys, k=3), window=window, node=node, epoch=epoch) for _ in range(draw(st.integers(0, 2)))]
    sent += chance.sample(sent, draw(st.integers(0, len(sent))))
    chance.shuffle(sent)
    return sent


def keys_of(batches: list[FlowBatch]) -> set[Key]:
    return {(one.node_id, one.epoch, one.window_start_us, port) for one in batches for port in one.flows.service_port.tolist()}


@given(deliveries())
def test_each_flow_is_admitted_once(sent: list[FlowBatch]) -> None:
    keys = admitted(state(), sent)
    assert len(keys) == len(set(keys))
    assert set(keys) == keys_of(sent)


@given(deliveries(), st.integers(0, 20), st.randoms(use_true_random=False))
def test_a_restored_state_goes_on_as_the_old_one(sent: list[FlowBatch], cut: int, chance: random.Random) -> None:
    old, new = state(), state()
    steps = []
    for one in sent[:cut]:
        admission = admit(old, one)
        hashes = merge_batches([one], region="eu").hashes()[admission.new]
        steps.append((new.restore_flows, (one.node_id, one.epoch, one.window_start_us, hashes)))
        if admission.noted:
            steps.append((new.restore_batch, (one.node_id, one.epoch, one.window_start_us, one.batch_index, one.batch_count)))
    chance.shuffle(steps)
    for restore, arguments in steps:
        restore(*arguments)
    assert new.entries == old.entries
    for one in [*sent[cut:], *sent]:
        before, after = admit(old, one), admit(new, one)
        assert after.new.tolist() == before.new.tolist()
        assert (after.repeated, after.late, after.noted, after.completes) == (before.repeated, before.late, before.noted, before.completes)


def test_a_complete_window_needs_no_memory() -> None:
    dedup = state()
    first, last = batch([1, 2], index=0, count=2), batch([3], index=1, count=2)
    assert not admit(dedup, last).completes
    assert dedup.entries == 1
    assert admit(dedup, first).completes
    assert dedup.entries == 0
    for one in (first, last, batch([1, 2, 3, 4])):
        again = admit(dedup, one)
        assert (again.repeated, again.noted, again.completes) == (len(one.flows), False, False)


def test_a_complete_window_stays_known_beyond_the_horizon() -> None:
    dedup = state()
    for window in range(100):
        assert admit(dedup, batch([1], window=window, count=1)).completes
    assert admit(dedup, batch([1], count=1)).repeated == 1
    assert len(dedup._complete[("n1", 1)][10_000_000]) == 1


def test_a_recording_never_completes_a_window() -> None:
    dedup = state()
    assert not admit(dedup, batch([1])).completes
    assert admit(dedup, batch([1, 2, 2])).new.tolist() == [False, True, False]


class TestLate:
    def dedup(self) -> DedupState:
        dedup = state()
        admit(dedup, batch([1], window=5))
        admit(dedup, batch([1], window=100))
        return dedup

    def test_what_is_older_than_the_horizon_is_refused_as_a_loss(self) -> None:
        late = admit(self.dedup(), batch([7, 8], window=5, index=0, count=1))
        assert (late.new.any(), late.late, late.repeated, late.noted) == (False, 2, 0, False)
        (loss,) = late.losses
        assert (loss.stage, loss.reason, loss.flows, loss.window_start_us) == ("worker", "late", 2, 50_000_000)
        assert (loss.packets, loss.bytes) == (4, 107 + 108 + 2)

    def test_it_is_lost_once_however_often_it_comes(self) -> None:
        dedup = self.dedup()
        losses = [admit(dedup, one).losses for one in (batch([7, 8], window=5), batch([7, 8], window=5), batch([8, 9], window=5))]
        assert [[loss.flows for loss in some] for some in losses] == [[2], [], [1]]

    def test_the_horizon_is_the_nodes_own_over_its_epochs(self) -> None:
        dedup = self.dedup()
        assert admit(dedup, batch([7], window=5, node="other")).late == 0
        assert admit(dedup, batch([7], window=5, epoch=2)).late == 1

    def test_the_edge_of_the_horizon_is_in_time(self) -> None:
        assert [admit(self.dedup(), batch([7], window=window)).late for window in (93, 94)] == [1, 0]

    def test_what_is_late_does_not_stay_in_memory(self) -> None:
        dedup = self.dedup()
        admit(dedup, batch([7, 8], window=5))
        admit(dedup, batch([], window=200, count=1))
        assert dedup.entries == 0


def test_losses_are_admitted_once_wherever_they_ride() -> None:
    dedup = state()
    loss, other = Loss(0, "agent", "map_full", packets=3, bytes=180), Loss(0, "agent", "map_full", packets=3, bytes=180, id=9)
    assert admit(dedup, batch([1], losses=(loss, loss))).losses == (loss,)
    assert admit(dedup, batch([2], window=1, losses=(loss, other))).losses == (other,)
    restored = state()
    restored.restore_loss("n1", 1, loss)
    assert admit(restored, batch([1], losses=(loss, other))).losses == (other,)
    assert admit(restored, batch([1], epoch=2, losses=(loss,))).losses == (loss,)


def test_a_full_memory_forgets_the_oldest_windows_first() -> None:
    dedup = state(entries=50)
    for window in range(6):
        admit(dedup, batch(range(20), window=window))
    assert dedup.entries <= 50
    assert dedup.forgotten_windows == 4
    assert admit(dedup, batch(range(20), window=5)).repeated == 20
    assert admit(dedup, batch(range(20), window=3)).late == 20
    assert admit(dedup, batch(range(20), window=3)).losses == ()


def test_memory_stays_flat_over_many_windows() -> None:
    dedup = state()
    for window in range(3_000):
        admit(dedup, batch([1, 2, 3], window=window, count=1, index=0))
        admit(dedup, batch([4], window=window, node="open"))
    assert dedup.entries <= 8
    assert len(dedup._oldest) < 3_000


@given(st.lists(st.integers(0, 40), max_size=30))
def test_spans_are_a_set_of_windows(numbers: list[int]) -> None:
    spans = IntervalSet()
    for number in numbers:
        spans.add(number, number + 1)
    assert [number in spans for number in range(-1, 43)] == [number in numbers for number in range(-1, 43)]
    assert len(spans) == len([number for number in set(numbers) if number - 1 not in numbers])


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 9)), max_size=12))
def test_spans_of_any_length(parts: list[tuple[int, int]]) -> None:
    spans = IntervalSet()
    for start, length in parts:
        spans.add(start, start + length)
    covered = {instant for start, length in parts for instant in range(start, start + length)}
    assert {instant for instant in range(60) if instant in spans} == covered


@pytest.mark.parametrize("size", [0, 1, 1000])
def test_windows_may_be_empty_or_large(size: int) -> None:
    dedup = state()
    one = batch(range(size), count=2)
    assert admit(dedup, one).new.sum() == size
    assert admit(dedup, one).repeated == size
    assert np.size(admit(dedup, batch([], index=1, count=2)).new) == 0
