"""Filters over a small shop's tables: which parts of one leave nothing; a published flow is to them what its row is."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest

from sinks.base import Sink
from sinks.filter.fields import FIELDS
from sinks.filter.parse import parse, parts
from sinks.filter.sql import dimensions_of
from sinks.filter.tree import Node, both, text
from sinks.open import open_sink
from sinks.queries.edges import Sums, ask_sums
from sinks.queries.excluded import excluding_flows, excluding_sums
from sinks.queries.flows import ask_flows, known_columns
from sinks.queries.names import ask_names
from sinks.queries.published import fields_of
from sinks.queries.sources import source_of
from sinks.queries.spans import Span, plan
from tests.support.shop import START_S, fill

SPAN = Span(START_S, START_S + 60)
CASES = [
    ("client=chekout", ["client=chekout"]),
    ("client=chekout server=payments", ["client=chekout"]),
    ("client=chekout server=paiments", ["client=chekout", "server=paiments"]),
    ("client=checkout server=postgres port=443", ["port=443"]),
    ("client=checkout server=gateway", ["client=checkout", "server=gateway"]),
    ("client=checkout server=postgres port=8443", ["server=postgres", "port=8443"]),
    ("client=web server=postgres port=443", ["client=web", "server=postgres", "port=443"]),
    ("(client=a or client=b) server=payments", ["client=a or client=b"]),
    ("client=web not server=gateway", ["client=web", "server!=gateway"]),
    ("nonsense", ["nonsense"]),
    ("client=checkout bytes>1TB", ["bytes>1TB"]),
    ("client=chekout bytes>1TB", ["client=chekout"]),
    ("bytes>1kB bytes<100", ["bytes<100"]),
    ("failed>0 server=postgres", ["failed>0"]),
]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sink]:
    opened = open_sink(f"chdb://{tmp_path_factory.mktemp('shop') / 'data'}")
    opened.migrate()
    fill(opened)
    yield opened
    opened.close()


def blamed(sink: Sink, written: str, scope: Node | None = None, span: Span = SPAN) -> list[str]:
    """Of the sums by the usual dimensions, whose answer must be empty."""
    question = Sums(span, filter=both(parse(written), scope))
    assert ask_sums(sink.query, question, {}).groups == 0
    levels = source_of(dimensions_of(question.filter) | set(question.by), question.view).levels
    found = excluding_sums(sink.query, question, [part.node for part in parts(written)], scope, plan(span, levels, {}).pieces)
    return [text(node) for node in found]


@pytest.mark.parametrize(("written", "wanted"), CASES)
def test_the_parts_that_leave_nothing_are_found(shop: Sink, written: str, wanted: list[str]) -> None:
    assert blamed(shop, written) == wanted


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("client=chekout failed>0", ["client=chekout"]),
        ("server=postgres failed>0", ["server=postgres", "failed>0"]),
        ("ip=10.9.0.0/16 bytes>1", ["ip=10.9.0.0/16"]),
    ],
)
def test_of_raw_flows_every_part_speaks_row_by_row(shop: Sink, written: str, wanted: list[str]) -> None:
    assert ask_flows(shop.query, SPAN, parse(written), "both", 10).rows.num_rows == 0
    found = excluding_flows(shop.query, SPAN, [part.node for part in parts(written)], None, "both")
    assert [text(node) for node in found] == wanted


def test_where_nothing_is_there_no_part_is_to_blame(shop: Sink) -> None:
    assert blamed(shop, "client=web", span=Span(START_S - 600, START_S - 300)) == []
    assert blamed(shop, "client=web", scope=parse("workload=nobody")) == []
    assert excluding_flows(shop.query, Span(0, 60), [part.node for part in parts("client=web")], None, "both") == ()


def test_what_is_outside_of_the_scope_is_not_there(shop: Sink) -> None:
    """A part that names what somebody may not see is told of as one that names nothing."""
    scope = parse("workload=web")
    assert blamed(shop, "client=nobody", scope) == ["client=nobody"]
    assert blamed(shop, "client=payments", scope) == ["client=payments"]
    assert blamed(shop, "client=payments server=gateway", scope) == ["client=payments"]


def test_sums_cost_one_statement_and_one_more_where_they_are_at_fault(shop: Sink) -> None:
    asked: list[str] = []

    def ask(sql: str) -> pa.Table:
        asked.append(sql)
        return shop.query(sql)

    for written, statements in (("client=a server=b", 1), ("client=a bytes>1", 1), ("bytes>1TB", 1), ("client=web bytes>1TB", 2)):
        asked.clear()
        question = Sums(SPAN, filter=parse(written))
        levels = source_of(question.by, question.view).levels
        excluding_sums(ask, question, [part.node for part in parts(written)], None, plan(SPAN, levels, {}).pieces)
        assert len(asked) == statements, written


def test_a_published_flow_is_what_its_row_is(shop: Sink) -> None:
    """Told by the client's node and by the server's, with and without a name, with and without samples."""
    known = known_columns()
    asked = ", ".join(f"{sql} AS c_{name}" for name, sql in known.items())
    order = "ORDER BY node_id, local_ip, remote_ip, window_start LIMIT 1 BY local_ip, remote_ip, role"
    rows = shop.query(f"SELECT * FROM weir.flows {order}").to_pylist()  # noqa: S608 - weir's own names
    wanted = shop.query(f"SELECT {asked} FROM weir.flows {order}").to_pylist()  # noqa: S608
    assert {row["role"] for row in rows} == {"client", "server"} and len(rows) == 7
    assert [{f"c_{name}": value for name, value in fields_of(row).items()} for row in rows] == wanted
    assert all(fields_of(row).keys() == known.keys() == {name for name, field in FIELDS.items() if not field.ends} for row in rows)


@pytest.mark.parametrize(
    ("field", "part", "scope", "wanted"),
    [
        ("workload", "PAY", None, [("payments", 432_000)]),
        ("workload", "ay", "workload=web", [("gateway", 1_440_000)]),
        ("workload", "a", None, [("archive", 24_000), ("gateway", 1_920_000), ("payments", 432_000)]),
        ("client", "", None, [("web", 1_440_000), ("checkout", 960_000), ("gateway", 480_000), ("payments", 192_000), ("reports", 24_000)]),
        ("client", "gate", "server=payments", []),
        ("service_port", "8", None, [("8080", 1_920_000), ("8443", 240_000)]),
        ("domain", "cards", None, [("cards.example", 192_000)]),
        ("zone", "1b", None, [("eu-1b", 2_904_000)]),
    ],
)
def test_names_that_were_seen_are_offered(shop: Sink, field: str, part: str, scope: str | None, wanted: list[tuple[str, int]]) -> None:
    """Those that begin with what is written first, then those with the most bytes; a name at either end has the bytes of both."""
    found = ask_names(shop.query, SPAN, field, part, parse(scope or ""), 10, {}).to_pylist()
    assert [(row["name"], row["bytes"]) for row in found] == wanted
