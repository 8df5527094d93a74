"""Which word fits what was counted; and that none is said that what was not counted could make wrong."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.insights.path.coverage import Hole, Why
from streams.insights.path.sentences import reasons, sentence
from streams.insights.path.verdicts import Watched, judge
from tests.streams.insights.path.rows import SPAN, WINDOW_S, row, table, word

WINDOWS = SPAN.end_s // WINDOW_S
OPENED, FAILED = [row(n, opened=2) for n in range(20)], [row(n, failed=2, received=2) for n in range(20, 40)]
WAITING = row(40, sent=2, received=0, retransmits=1)


def test_nothing_failed_and_something_opened_works() -> None:
    assert word(*OPENED) == "works"


def test_nothing_opened_and_something_failed_fails() -> None:
    assert word(*FAILED) == "failing"


def test_failures_behind_all_successes_are_a_break() -> None:
    assert word(*OPENED, *FAILED) == "broke"
    assert word(*OPENED, row(25, failed=1)) == "broke"


def test_a_break_may_fall_into_a_window() -> None:
    assert word(*OPENED, row(20, opened=5, failed=3), *FAILED[1:]) == "broke"
    assert word(row(20, opened=1, failed=1), row(21, failed=1)) == "flaky"  # too few to tell from chance


def test_failures_of_before_need_more_of_them_to_be_a_break() -> None:
    before = [row(n, opened=3, failed=3) for n in range(10)]
    assert word(*before, *(row(n, failed=3) for n in range(10, 20))) == "broke"
    assert word(*before, row(10, failed=3)) == "flaky"


def test_successes_behind_failures_work_once_they_are_no_chance() -> None:
    failed = [row(n, failed=2) for n in range(5)]
    assert word(*failed, *(row(n, opened=2) for n in range(5, 25))) == "works"
    assert word(*failed, row(5, opened=1)) == "flaky"


def test_one_failure_among_many_makes_no_path_flaky() -> None:
    assert word(*(row(n, opened=20) for n in range(0, 30)), row(30, opened=20, failed=1), row(31, opened=20)) == "works"
    assert word(*(row(n, opened=2, failed=int(n % 3 == 0)) for n in range(0, 30))) == "flaky"


def test_bytes_without_an_attempt_are_of_older_connections() -> None:
    assert word(row(1), row(50)) == "established"


def test_packets_that_wait_for_an_answer_leave_it_open() -> None:
    assert word(WAITING) == "pending"
    assert word(row(0, sent=1, received=0)) == "pending"
    assert word(*OPENED, WAITING) == "pending"
    assert word(row(1), WAITING) == "pending"
    assert word(*OPENED, {**WAITING, "retransmits": 0}) == "works"  # a last acknowledgement


def test_datagrams_prove_a_path_by_their_answers() -> None:
    assert word(row(1), is_tcp=False) == "works"
    assert word(row(1, received=0), is_tcp=False) == "unknown"
    assert word(is_tcp=False) == "no_attempts"


def test_the_servers_side_alone_is_no_verdict() -> None:
    assert word(row(1, opened=3, role="server", node="n2")) == "no_attempts"
    assert word(row(1, opened=3, role="server", node="n2"), holes=(Hole("n1", 0, 600, "silent"),)) == "unknown"


def test_an_end_without_a_name_may_have_been_the_server() -> None:
    assert word(nameless=1) == "unknown"
    assert word(*OPENED, nameless=1) == "works"


def test_what_was_before_an_agent_went_down_is_no_verdict_of_now() -> None:
    assert word(*OPENED, holes=(Hole("n1", 300, 600, "silent"),)) == "unknown"
    assert word(*OPENED, row(50, opened=1), holes=(Hole("n1", 300, 400, "silent"),)) == "works"
    assert word(*OPENED, row(50, failed=1), holes=(Hole("n1", 300, 400, "silent"),)) == "broke"
    assert word(*OPENED, row(50, opened=1, node="n2"), holes=(Hole("n1", 300, 600, "silent"),)) == "works"


ROWS = st.builds(
    row,
    st.integers(0, WINDOWS - 1),
    opened=st.sampled_from([0, 0, 1, 5, 200]),
    failed=st.sampled_from([0, 0, 1, 5]),
    sent=st.sampled_from([0, 1, 9]),
    received=st.sampled_from([0, 1, 9]),
    retransmits=st.integers(0, 1),
    node=st.sampled_from(["n1", "n2"]),
    role=st.sampled_from(["client", "client", "server"]),
)


@st.composite
def holes(draw: st.DrawFn) -> Hole:
    start = draw(st.integers(0, SPAN.end_s - 1))
    why: Why = draw(st.sampled_from(get_args(Why)))
    node = "" if why == "absent" else draw(st.sampled_from(["n1", "n2", ""]))
    return Hole(node, start, draw(st.integers(start + 1, SPAN.end_s)), why)


HOLES = st.lists(holes(), max_size=4).map(tuple)


@given(st.lists(ROWS, max_size=8), st.lists(holes(), min_size=1, max_size=4).map(tuple), st.booleans())
def test_silence_is_never_told_where_something_may_have_been_missed(
    rows: list[dict[str, Any]], gaps: tuple[Hole, ...], is_tcp: bool
) -> None:
    assert word(*rows, holes=gaps, is_tcp=is_tcp) != "no_attempts"


@given(st.lists(ROWS, max_size=8), HOLES, st.booleans())
def test_success_is_told_only_where_one_was_seen_behind_all_that_was_missed(
    rows: list[dict[str, Any]], gaps: tuple[Hole, ...], is_tcp: bool
) -> None:
    if word(*rows, holes=gaps, is_tcp=is_tcp) != "works":
        return
    missed = [gap for gap in gaps if gap.why != "absent"]
    seen = [one for one in rows if one["role"] == "client" and (one["opened"] if is_tcp else one["packets_received"])]
    assert any(all(one["start"] >= gap.end_s for gap in missed if gap.node in ("", one["node"])) for one in seen)


@given(st.lists(ROWS, min_size=1, max_size=8))
def test_an_agent_that_is_down_at_the_end_makes_it_unknown(rows: list[dict[str, Any]]) -> None:
    down = tuple(Hole(node, 0, SPAN.end_s, "silent") for node in ("n1", "n2"))
    assert word(*rows, holes=down) == "unknown"


@given(st.lists(ROWS, max_size=8), HOLES, st.booleans())
def test_every_verdict_can_be_said_and_bounds_its_share(rows: list[dict[str, Any]], gaps: tuple[Hole, ...], is_tcp: bool) -> None:
    verdict = judge(is_tcp, table(rows), Watched(SPAN, gaps, 1))
    said = (sentence(verdict, "web", "pay:80"), *reasons(verdict, "web", "pay:80"))
    assert all(one.endswith(".") and "None" not in one for one in said)
    if verdict.share:
        assert 0 <= verdict.share.low <= verdict.seen.opened / verdict.seen.tried <= verdict.share.high <= 1
    if verdict.word == "unknown":
        assert len(said) > 1


def test_a_pause_that_is_no_chance_is_told() -> None:
    busy = [row(n, opened=2) for n in range(20)]
    assert judge(True, table(busy), Watched(SPAN)).stopped_since_us == busy[-1]["last_us"]
    assert judge(True, table([*busy, row(58, opened=2)]), Watched(SPAN)).stopped_since_us is None
    assert judge(True, table(busy[:2]), Watched(SPAN)).stopped_since_us is None


@pytest.mark.parametrize("names_nodes", [True, False])
def test_a_node_is_named_where_it_may_be(names_nodes: bool) -> None:
    verdict = judge(True, table([]), Watched(SPAN, (Hole("n9", 0, 600, "silent"),)))
    assert any("n9" in reason for reason in reasons(verdict, "web", "pay", names_nodes)) == names_nodes
