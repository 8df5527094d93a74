"""Watchers: a live one is waited for as nodes are, a dead one no longer than the hold."""

from __future__ import annotations

from schemas.records.cluster import WatcherWatermark
from streams.intake.hold import HoldRule, PartitionWatermark
from streams.learning.watcher_watermarks import WatcherWatermarks

SECOND = 1_000_000
HOLD = 30 * SECOND
RULE = HoldRule(HOLD, SECOND // 4)
WINDOW_END, ARRIVED = 990 * SECOND, 1_000 * SECOND


def heard(*told: tuple[str, int, int], network: str = "default", read_us: int = 0) -> WatcherWatermarks:
    """Watermarks (watcher, until, arrival)."""
    made = WatcherWatermarks(HOLD)
    for watcher, until_us, arrived_us in told:
        made.report(WatcherWatermark(network, watcher, 0, until_us), arrived_us)
    made.caught_up(read_us)
    return made


def test_where_no_watcher_was_ever_heard_nothing_waits() -> None:
    assert WatcherWatermarks(HOLD).progress() == heard(read_us=ARRIVED).progress() == []


def test_flows_wait_for_its_word_on_their_window_and_the_skew_beyond() -> None:
    """As much as the look-up asks of a watermark."""
    for until_us, released in ((WINDOW_END, False), (WINDOW_END + RULE.skew_us - 1, False), (WINDOW_END + RULE.skew_us, True)):
        marks = heard(("w1", until_us, ARRIVED), read_us=ARRIVED + RULE.skew_us)
        assert RULE.released(ARRIVED, WINDOW_END, marks.progress()) == released


def test_a_watcher_that_falls_silent_is_waited_for_no_longer_than_the_hold() -> None:
    marks = heard(("w1", WINDOW_END, ARRIVED), read_us=ARRIVED + HOLD)
    assert marks.progress() == [PartitionWatermark(WINDOW_END, ARRIVED + HOLD, of_nodes=False)]
    marks.caught_up(ARRIVED + HOLD + 1)
    assert marks.progress() == []


def test_of_a_networks_watchers_the_furthest_is_enough() -> None:
    marks = heard(("w1", WINDOW_END - SECOND, ARRIVED), ("w2", WINDOW_END + SECOND, ARRIVED), ("w2", WINDOW_END, ARRIVED))
    assert [mark.reported_until_us for mark in marks.progress()] == [WINDOW_END + SECOND]
    marks.report(WatcherWatermark("other", "w1", 0, WINDOW_END - 5 * SECOND), ARRIVED)
    assert [mark.reported_until_us for mark in marks.progress()] == [WINDOW_END - 5 * SECOND]


def test_what_another_region_saw_still_waits_for_a_node_to_speak() -> None:
    nobody, read = PartitionWatermark(None, ARRIVED + RULE.skew_us), PartitionWatermark(None, ARRIVED + HOLD)
    (watcher,) = heard(("w1", WINDOW_END + SECOND, ARRIVED + HOLD)).progress()
    assert not RULE.released(ARRIVED, WINDOW_END, [nobody, watcher], forwarded=True)
    assert RULE.released(ARRIVED, WINDOW_END, [read, watcher], forwarded=True)
    assert RULE.released(ARRIVED, WINDOW_END, [nobody, watcher])
