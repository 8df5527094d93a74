"""Answers are exact: what is shown, what is left out and the whole are what the raw flows add up to, 0 off, whatever is asked."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sinks.engines.base import Engine
from sinks.engines.result import readable
from sinks.filter.parse import parse
from sinks.open import open_sink
from sinks.queries.edges import BEFORE, Ask, Sums, ask_sums
from sinks.queries.flows import Place, ask_flows
from sinks.queries.generation import ask_generation
from sinks.queries.metrics import METRICS
from sinks.queries.series import STEPS_S, ask_series
from sinks.queries.spans import Oldest, Span
from sinks.queries.status import ask_oldest
from tests.sinks import blocks as make
from tests.sinks.engine_of import engine_of
from tests.sinks.queries.truth import Row, added, all_rows, groups, ranked
from weir.api import questions as map_questions
from weir.api.parameters import GroupsParameters
from weir.api.tables import Tables

pytestmark = pytest.mark.long

NINE = make.NINE // make.SECOND
MIDNIGHT = NINE + 15 * 3_600
FIRST, LAST = NINE - 90_000, MIDNIGHT + 93_600
ALL = tuple(METRICS)
OF_EDGES = (
    "client",
    "server",
    "protocol",
    "service_port",
    "network",
    "client_namespace",
    "server_zone",
    "client_region",
    "service",
    "reason",
)
OF_REPORTERS = ("node", "role", "source", "canonical")
OF_FLOWS = ("client_ip", "server_ip")
FILTERS = (
    "", "client=checkout", "workload=node/*", "server!=postgres port in (443, 53)", "reason in (unknown, gap) or client=\"\"",
    "node=n1 role=server", "ip in 10.0.0.0/8", "failed>40%", "rtt>0us bytes>1TB", "client=postgres rtt_max>4s", "canonical=no",
)  # fmt: skip


@dataclass(frozen=True)
class Filled:
    engine: Engine
    ask: Ask
    rows: list[Row]
    oldest: Oldest


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """Two nodes, both views, unnamed ends, every value; windows around minutes, hours and midnights. Through the sink and its rollups."""
    sink = open_sink(f"chdb://{tmp_path_factory.mktemp('exact') / 'data'}")
    sink.migrate()
    shapes = [
        make.Shape(120, 40, 10, make.NINE - 200 * make.SECOND),
        make.Shape(120, 30, 10, (MIDNIGHT - 150) * make.SECOND),
        make.Shape(150, 70, 2_711, FIRST * make.SECOND),
        make.Shape(60, 2, 60, make.NINE + 3_300 * make.SECOND),
    ]
    for number, shape in enumerate(shapes):
        rows = make.flows(shape, seed=number, first_offset=10 * number, node=f"n{number % 2 + 1}")
        ports = np.random.default_rng(number).choice([53, 443, 8_080], shape.rows).astype(np.uint16)
        rows = rows.set_column(rows.column_names.index("service_port"), "service_port", pa.array(ports))
        sink.write(make.block(make.identity(10 * number), rows, batch_rows=make.batches([(0, 0, 1)], 10 * number)))
    engine = engine_of(sink)
    yield Filled(engine, engine.ask, all_rows(sink), ask_oldest(engine.ask))
    sink.close()


@st.composite
def spans(draw: st.DrawFn) -> Span:
    """Of whole minutes mostly; around the boundaries mostly."""
    unit = draw(st.sampled_from((60, 60, 60, 10, 1)))
    near = st.one_of(st.integers(NINE - 400, NINE + 4_000), st.integers(MIDNIGHT - 400, MIDNIGHT + 400), st.integers(FIRST, LAST))
    ends = sorted((draw(near) // unit * unit, draw(near) // unit * unit))
    return Span(ends[0], max(ends[1], ends[0] + unit))


@st.composite
def questions(draw: st.DrawFn) -> Sums:
    by = draw(st.lists(st.sampled_from((*OF_EDGES, *OF_REPORTERS, *OF_FLOWS)), max_size=4, unique=True))
    return Sums(
        draw(spans()),
        tuple(by),
        draw(st.sampled_from((ALL[::2], ALL[1::2]))),
        parse(draw(st.sampled_from(FILTERS))),
        draw(st.sampled_from(("bytes", "connections_failed", "rtt_us", "rtt_us_max", "flows"))),
        draw(st.integers(1, 40)),
        draw(st.sampled_from(("canonical", "both"))),
    )


def assert_same(found: Row, wanted: Row, prefix: str = "") -> None:
    for name in ALL:
        if f"{prefix}{name}" not in found:
            continue
        value, true = found[f"{prefix}{name}"], wanted[name]
        if isinstance(true, list):  # an array ends with its last sample, or later
            value, true = ([*side, *[0] * (max(len(value), len(true)) - len(side))] for side in (value, true))
        assert value == true or isinstance(true, float) and math.isclose(value, true, rel_tol=1e-12), (name, value, true)


EVERYTHING = Sums(Span(FIRST, LAST), (), ALL)
examples = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])


@examples
@example(EVERYTHING)
@example(replace(EVERYTHING, by=("client", "server"), view="both", limit=3))
@given(questions())
def test_what_is_shown_and_what_is_left_out_are_the_raw_flows(filled: Filled, question: Sums) -> None:
    answer = ask_sums(filled.ask, question, filled.oldest)
    assert answer.plan.span == question.span and not answer.warnings
    true = groups(filled.rows, question.span, question.by, question.filter, question.view)
    order = ranked(true, lambda key: added(true[key])[question.order])
    rows = readable(answer.rows).to_pylist()
    if not question.by and not true:  # sums of nothing are one row of zeros, unless the filter asks for more
        assert len(rows) <= 1
        return
    assert [tuple(row[name] for name in question.by) for row in rows] == order[: question.limit]
    assert answer.groups == len(order)
    for row, key in zip(rows, order, strict=False):
        assert_same(row, added(true[key]))
    assert_same(answer.other.to_pylist()[0], added(row for key in order[question.limit :] for row in true[key]))
    held = [row for part in true.values() for row in part]
    assert_same(answer.total.to_pylist()[0], added(held))
    unnamed = sum(row["bytes_sent"] + row["bytes_received"] for row in held if "" in (row["client"], row["server"]))
    assert answer.unnamed_bytes == unnamed


@settings(examples, max_examples=8)
@given(questions(), st.sampled_from((-86_400, -3_600, -600, -61)))
def test_two_times_side_by_side_are_each_what_it_is_alone(filled: Filled, question: Sums, shift: int) -> None:
    before = Span(question.span.start_s + shift, question.span.end_s + shift)
    answer = ask_sums(filled.ask, replace(question, before=before, order="bytes"), filled.oldest)
    now, then = (groups(filled.rows, span, question.by, question.filter, question.view) for span in (question.span, before))
    both = {key: [] for key in (*now, *then)}
    order = ranked(both, lambda key: max(added(side.get(key, []))["bytes"] for side in (now, then)))
    rows = readable(answer.rows).to_pylist()
    if question.by:
        assert [tuple(row[name] for name in question.by) for row in rows] == order[: question.limit]
        for row, key in zip(rows, order, strict=False):
            assert_same(row, added(now.get(key, [])))
            assert_same(row, added(then.get(key, [])), BEFORE)
    for side, prefix in ((now, ""), (then, BEFORE)):
        assert_same(answer.total.to_pylist()[0], added(row for part in side.values() for row in part), prefix)


@settings(examples, max_examples=12)
@given(questions(), st.sampled_from(STEPS_S[2:]))
def test_steps_of_a_series_are_the_raw_flows(filled: Filled, question: Sums, step_s: int) -> None:
    start_s = question.span.start_s // step_s * step_s
    question = replace(question, span=Span(start_s, start_s + min(question.span.seconds // step_s + 1, 90) * step_s), limit=3)
    series = ask_series(filled.ask, question, step_s, filled.oldest)
    assert series.plan.span == question.span and not series.plan.warnings
    true = groups(filled.rows, question.span, question.by, question.filter, question.view)
    if not true and not question.by:
        return
    wanted: dict[tuple[Any, ...], list[Row]] = {}
    shown = ranked(true, lambda key: added(true[key])[question.order])[:3]
    for key, held in true.items():
        for row in held:
            wanted.setdefault((row["at"] // step_s * step_s, *(key if key in shown else ["other"])), []).append(row)
    found = {}
    for row in readable(series.rows).to_pylist():
        key = ["other"] if row["other"] else [row[name] for name in question.by]
        found[(int(row["time"].timestamp()), *key)] = row
        assert not row["other"] or {row[name] for name in question.by} <= {None}
    assert found.keys() == wanted.keys()
    for step, held in wanted.items():
        assert_same(found[step], added(held))


@pytest.mark.parametrize(("written", "view", "limit"), [("", "both", 7), ("", "canonical", 30), ("client=checkout bytes>1MB", "both", 3)])
def test_pages_of_flows_are_all_of_them_once(filled: Filled, written: str, view: Any, limit: int) -> None:
    span, where = Span(NINE - 1_000, NINE + 9_000), parse(written)
    one_row = groups(filled.rows, span, ("at",), parse(written.partition(" ")[0]), view)
    wanted = [row for held in one_row.values() for row in held if not written or row["bytes_sent"] + row["bytes_received"] > 1_000_000]
    pages: list[Row] = []
    after: Place | None = None
    while True:
        page = ask_flows(filled.ask, span, where, view, limit, after)
        pages += readable(page.rows).to_pylist()
        assert page.rows.num_rows == limit or page.after is None
        if (after := page.after) is None:
            break
    assert len(pages) == len(wanted) > limit
    assert sorted(row["bytes_sent"] for row in pages) == sorted(
        row["bytes_received" if row["role"] == "server" else "bytes_sent"] for row in wanted
    )
    assert [row["window_start"] for row in pages] == sorted((row["window_start"] for row in pages), reverse=True)


@pytest.mark.parametrize(("fold", "compare", "pairs"), [("auto", "", 50_000), ("zone", "-1h", 20), ("none", "-10m", 7), ("prefix", "", 3)])
def test_the_edges_of_a_map_and_its_rest_are_the_whole(
    filled: Filled, monkeypatch: pytest.MonkeyPatch, fold: str, compare: str, pairs: int
) -> None:
    monkeypatch.setattr(map_questions, "PAIR_LIMIT", pairs)
    span = Span(NINE - 1_000, NINE + 4_000)
    given = {"from": str(span.start_s), "to": str(span.end_s), "fold": fold, "compare": compare, "limit": 5}
    answer = map_questions.groups(Tables(filled.engine), None, GroupsParameters.model_validate(given))
    shift = {"": 0, "-1h": 3_600, "-10m": 600}[compare]
    for prefix, start_s in (("", span.start_s), *([(BEFORE, span.start_s - shift)] if compare else [])):
        true = added(row for row in filled.rows if start_s <= row["at"] < start_s + span.seconds and row["canonical"] == "yes")
        for name in ("bytes", "connections_failed", "rtt_us_sum"):
            drawn = sum(int(value) for value in answer.data["edges"][f"{prefix}{name}"])
            assert drawn + int(answer.meta["rest"][f"{prefix}{name}"]) == int(answer.meta["total"][f"{prefix}{name}"]) == true[name] > 0
    assert sum(answer.data["edges"]["pairs"]) + answer.meta["rest"]["pairs"] == answer.meta["groups"] > pairs or pairs == 50_000
    assert len(answer.data["nodes"]["key"]) <= 5
    assert ("status" in answer.data["edges"]) == ("before" in answer.meta) == bool(compare)


def test_a_state_of_the_tables_names_the_days_that_it_is_of(filled: Filled) -> None:
    state = ask_generation(filled.ask)
    assert state.of(Span(NINE, NINE + 60)) != state.of(Span(NINE + 200_000, NINE + 200_060))
