"""Where a finer table does not go back as far, an answer is wider and says so; where nothing can answer, it says that."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import WeirError
from sinks.queries.spans import EDGES, FLOWS, ROLLUPS, Level, Plan, Span, plan

DAY = 86_400
TODAY = 20_000 * DAY
OLDEST = {
    "flows": TODAY - 30 * DAY,
    "flows_1m": TODAY - 90 * DAY,
    "flows_5m": TODAY - 365 * DAY,
    "edges_5m": TODAY - 365 * DAY,
    "flows_1h": TODAY - 1_800 * DAY,
    "edges_1h": TODAY - 1_800 * DAY,
    "edges_1d": TODAY - 3_600 * DAY,
}
spans = st.builds(lambda start, length: Span(start, start + length), st.integers(TODAY - 3_600 * DAY, TODAY), st.integers(1, 400 * DAY))
whole = st.builds(
    lambda span, unit: Span(span.start_s // unit * unit, -(-span.end_s // unit) * unit), spans, st.sampled_from((1, 60, 300, DAY))
)


@given(whole, st.sampled_from((EDGES, ROLLUPS)))
def test_pieces_touch_and_cover_what_is_answered_from_tables_that_have_it(span: Span, levels: tuple[Level, ...]) -> None:
    if levels is ROLLUPS and span.start_s < OLDEST["flows_1h"]:
        return
    found = plan(span, levels, OLDEST)
    units = {level.table: level.unit_s for level in levels}
    assert [piece.span.start_s for piece in found.pieces] == [found.span.start_s, *(piece.span.end_s for piece in found.pieces[:-1])]
    assert found.pieces[-1].span.end_s == found.span.end_s
    for piece in found.pieces:
        assert piece.span.start_s % units[piece.table] == piece.span.end_s % units[piece.table] == 0
        assert piece.span.start_s >= OLDEST[piece.table]
    assert found.span.start_s <= span.start_s and found.span.end_s >= span.end_s
    assert bool(found.warnings) == (found.span != span)


def test_a_day_of_last_year_is_answered_in_whole_fives_and_hours_and_says_so() -> None:
    within_five = Span(TODAY - 200 * DAY + 61, TODAY - 200 * DAY + 7_261)
    found = plan(within_five, EDGES, OLDEST)
    assert found.span == Span(within_five.start_s - 61, within_five.end_s + 239)
    assert [warning.split(" goes back")[0] for warning in found.warnings] == ["edges_5m is the finest table that"] * 2
    assert plan(Span(TODAY - DAY + 1, TODAY - 7), EDGES, OLDEST).warnings == ()


def test_addresses_are_refused_where_flows_is_gone_and_cut_where_it_begins() -> None:
    with pytest.raises(WeirError, match=r"known from flows alone, kept since .*: ask for sums without addresses"):
        plan(Span(TODAY - 60 * DAY, TODAY - 59 * DAY), FLOWS, OLDEST)
    found = plan(Span(TODAY - 60 * DAY, TODAY), FLOWS, OLDEST)
    assert found.span == Span(OLDEST["flows"], TODAY) and "the answer begins there" in found.warnings[0]


def test_steps_finer_than_what_is_kept_are_cut_too() -> None:
    assert plan(Span(TODAY - 100 * DAY, TODAY), EDGES, OLDEST, 60).span.start_s == OLDEST["flows_1m"]
    assert plan(Span(TODAY - 100 * DAY, TODAY), EDGES, OLDEST, 300).span.start_s == TODAY - 100 * DAY


@pytest.mark.parametrize("levels", [EDGES, ROLLUPS, FLOWS])
def test_where_nothing_is_older_anywhere_nothing_is_said(levels: tuple[Level, ...]) -> None:
    new = {table: TODAY - DAY + 37 // unit * unit for table, unit in ((level.table, level.unit_s) for level in (*EDGES, *ROLLUPS))}
    span = Span(TODAY - 30 * DAY + 1, TODAY)
    for oldest in ({}, {table: min(new.values()) for table in new}):
        found: Plan = plan(span, levels, oldest)
        assert found.span == span and found.warnings == ()
