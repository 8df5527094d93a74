"""For how long a client was watched, from the windows that came."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from streams.insights.path.coverage import LAG_S, Hole, Stretch, answered_end, covered, holes, missing, regular

NO_LOSS = pa.table({"node": pa.array([], pa.string()), "start": pa.array([], pa.int64()), "end": pa.array([], pa.int64())})
SPAN = Stretch(0, 600)


def windows(numbers: Iterable[int], epoch: int = 1, node: str = "n1", parts: Iterable[int] = ()) -> pa.Table:
    """Of ten seconds; of `parts` not all batches are there."""
    rows = [{"node": node, "epoch": epoch, "start": 10 * n, "end": 10 * n + 10, "complete": n not in set(parts)} for n in numbers]
    return pa.Table.from_pylist(rows)


def test_an_epochs_first_window_began_before_its_agent() -> None:
    assert covered(windows(range(0, 10))) == {"n1": [Stretch(10, 100)]}


def test_a_window_that_was_let_go_is_counted_in_the_next() -> None:
    assert covered(windows([0, 1, 2, 5, 6])) == {"n1": [Stretch(10, 70)]}


def test_a_longer_pause_is_an_agent_that_was_down() -> None:
    assert covered(windows([0, 1, 2, 7, 8])) == {"n1": [Stretch(10, 30), Stretch(70, 90)]}


def test_between_epochs_nothing_is_vouched_for() -> None:
    both = pa.concat_tables([windows(range(0, 5)), windows(range(5, 9), epoch=2)])
    assert covered(both) == {"n1": [Stretch(10, 50), Stretch(60, 90)]}


def test_a_window_of_which_a_part_has_not_come_is_a_hole() -> None:
    assert covered(windows(range(0, 9), parts=[4])) == {"n1": [Stretch(10, 40), Stretch(50, 90)]}


def test_nodes_are_apart() -> None:
    both = pa.concat_tables([windows(range(0, 5)), windows(range(3, 9), node="n0")])
    assert covered(both) == {"n0": [Stretch(40, 90)], "n1": [Stretch(10, 50)]}
    assert covered(windows([])) == {}


@given(st.sets(st.integers(0, 59), min_size=2), st.sets(st.integers(0, 59)))
def test_what_is_covered_and_what_is_missing_are_the_whole_span(there: set[int], parts: set[int]) -> None:
    found = covered(windows(sorted(there), parts=parts)).get("n1", [])
    gaps = missing(found, SPAN)
    assert sum(one.end_s - one.start_s for one in (*found, *gaps)) == 600
    for number in set(range(60)) - there | (parts & there):
        near = {number - 2, number - 1, number + 1, number + 2} & there  # a window alone may be let go
        if number in parts & there or not near:
            assert not any(one.start_s <= 10 * number < one.end_s for one in found)


def test_what_is_on_its_way_is_left_out_of_the_answer() -> None:
    assert answered_end({"n1": [Stretch(0, 580)]}, SPAN, 590, 10) == 580
    assert answered_end({"n1": [Stretch(0, 700)]}, SPAN, 700, 10) == 600


def test_a_silent_node_does_not_shorten_the_answer() -> None:
    assert answered_end({"n1": [Stretch(0, 300)], "n2": [Stretch(0, 590)]}, SPAN, 590, 10) == 590
    assert answered_end({"n1": [Stretch(0, 300)]}, SPAN, 600, 10) == 600


def test_an_answer_is_shortened_by_a_lag_and_no_more() -> None:
    last = 600 - LAG_S - 30
    assert answered_end({"n1": [Stretch(0, last)]}, SPAN, last, 10) == last
    assert answered_end({"n1": [Stretch(0, last - 1)]}, SPAN, last - 1, 10) == 600


def test_holes_are_silence_losses_and_absence() -> None:
    losses = pa.table({"node": ["n1", "n1"], "start": [50, 900], "end": [60, 910]})
    found = holes(["n1"], {"n1": [Stretch(0, 500)]}, losses, [Stretch(100, 700)], SPAN, 10)
    assert found == (Hole("", 0, 100, "absent"), Hole("n1", 50, 60, "lost"), Hole("n1", 500, 600, "silent"))


def test_a_client_that_moves_is_not_absent_meanwhile() -> None:
    assert holes([], {}, NO_LOSS, [Stretch(0, 300), Stretch(330, 600)], SPAN, 10) == ()
    assert holes([], {}, NO_LOSS, [Stretch(0, 300), Stretch(331, 600)], SPAN, 10) == (Hole("", 300, 331, "absent"),)


EPOCH = {"node": "n1", "epoch": 1, "start": 0, "end": 100, "longest": 10, "told": 100, "whole": True}


def test_windows_without_a_pause_need_no_look_at_each() -> None:
    assert regular(pa.Table.from_pylist([EPOCH])) == covered(windows(range(0, 10)))


def test_a_node_with_a_pause_or_a_missing_part_is_left_to_a_closer_look() -> None:
    other = {**EPOCH, "epoch": 2, "start": 200, "end": 300}
    assert regular(pa.Table.from_pylist([EPOCH, {**other, "told": 90}])) == {}
    assert regular(pa.Table.from_pylist([EPOCH, {**other, "whole": False}])) == {}
    assert regular(pa.Table.from_pylist([EPOCH, other])) == {"n1": [Stretch(10, 100), Stretch(210, 300)]}
