"""The hold: what must have been read before a batch may be named."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.intake.hold import HoldRule, NodeWatermarks, PartitionWatermark

SECOND = 1_000_000
RULE = HoldRule(hold_us=30 * SECOND, skew_us=SECOND // 4)
ARRIVED, WINDOW_END = 1_000 * SECOND, 990 * SECOND


def progress(reported_us: int | None, read_us: int) -> PartitionWatermark:
    return PartitionWatermark(reported_us, read_us)


def test_a_batch_waits_for_every_partition_to_speak_for_its_window() -> None:
    spoken = progress(WINDOW_END + RULE.skew_us, ARRIVED + RULE.skew_us)
    silent = progress(WINDOW_END - 1, ARRIVED + RULE.skew_us)
    assert RULE.released(ARRIVED, WINDOW_END, [spoken, spoken])
    assert not RULE.released(ARRIVED, WINDOW_END, [spoken, silent])


def test_the_window_itself_is_not_enough_because_clocks_differ() -> None:
    assert not RULE.released(ARRIVED, WINDOW_END, [progress(WINDOW_END, ARRIVED + RULE.skew_us)])


def test_a_partition_without_live_nodes_is_waited_for_until_it_is_read() -> None:
    assert not RULE.released(ARRIVED, WINDOW_END, [progress(None, ARRIVED)])
    assert RULE.released(ARRIVED, WINDOW_END, [progress(None, ARRIVED + RULE.skew_us)])


def test_what_another_region_saw_waits_for_somebody_here_to_speak() -> None:
    """A region's nodes may all be yet to speak, or to speak again: its own batches tell that one is alive, others' do not."""
    nobody, read = progress(None, ARRIVED + RULE.skew_us), progress(None, ARRIVED + RULE.hold_us)
    spoken = progress(WINDOW_END + RULE.skew_us, ARRIVED + RULE.skew_us)
    assert not RULE.released(ARRIVED, WINDOW_END, [nobody, nobody], forwarded=True)
    assert not RULE.released(ARRIVED, WINDOW_END, [read, nobody], forwarded=True)
    assert RULE.released(ARRIVED, WINDOW_END, [read, read], forwarded=True)
    assert RULE.released(ARRIVED, WINDOW_END, [spoken, nobody], forwarded=True)
    assert not RULE.released(ARRIVED, WINDOW_END, [progress(WINDOW_END, ARRIVED + RULE.skew_us), nobody], forwarded=True)


def test_the_grace_is_over_once_the_hold_has_been_read_not_merely_passed() -> None:
    behind = progress(WINDOW_END - SECOND, ARRIVED + RULE.hold_us - 1)
    assert not RULE.released(ARRIVED, WINDOW_END, [behind])
    assert RULE.released(ARRIVED, WINDOW_END, [progress(WINDOW_END - SECOND, ARRIVED + RULE.hold_us)])


def test_a_dead_node_is_waited_for_no_longer_than_the_hold() -> None:
    reports = NodeWatermarks(RULE.hold_us)
    reports.report("dead", 100 * SECOND, 110 * SECOND)
    reports.report("alive", 100 * SECOND, 110 * SECOND)
    reports.report("alive", 130 * SECOND, 140 * SECOND)
    assert reports.progress().reported_until_us == 100 * SECOND
    reports.report("alive", 140 * SECOND, 140 * SECOND + 1)
    assert reports.progress().reported_until_us == 140 * SECOND


def test_a_partition_that_falls_silent_has_nobody_alive() -> None:
    reports = NodeWatermarks(RULE.hold_us)
    reports.report("n1", 100 * SECOND, 110 * SECOND)
    reports.caught_up(110 * SECOND + RULE.hold_us + 1)
    assert reports.progress() == progress(None, 140 * SECOND + 1)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 1_000), st.integers(0, 1_000)), min_size=1))
def test_reports_tell_the_same_in_any_order(said: list[tuple[str, int, int]]) -> None:
    one, other = NodeWatermarks(10_000), NodeWatermarks(10_000)
    for node, end_us, at_us in said:
        one.report(node, end_us, at_us)
    for node, end_us, at_us in reversed(said):
        other.report(node, end_us, at_us)
    assert one.progress() == other.progress()
    newest = {node: max(end for name, end, _ in said if name == node) for node, _, _ in said}
    assert one.progress().reported_until_us == min(newest.values())
