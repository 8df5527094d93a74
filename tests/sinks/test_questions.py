"""SQL that a person wrote, on both engines: it only reads, and its values come out right by their type's whole tree."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import WeirError
from sinks.base import Sink
from sinks.engines.types import WIDE_MARK, parse_type
from sinks.open import open_sink
from tests.support.processes import ROOT
from weir.output import results

pytestmark = pytest.mark.long

VALUES: tuple[tuple[str, Any], ...] = (
    ("toInt128('-170141183460469231731687303715884105728')", -(2**127)),
    ("toUInt128(5)", 5),
    ("toInt256(-3)", -3),
    ("[toNullable(toUInt256('115792089237316195423570985008687907853269984665640564039457584007913129639935')), NULL]", [2**256 - 1, None]),
    ("[map('a', toInt256(-3))]", [{"a": -3}]),
    ("[toIPv6('::ffff:10.0.0.1')]", ["::ffff:10.0.0.1"]),
    ("arrayMap(x -> toIPv4(x), [1, 2])", ["0.0.0.1", "0.0.0.2"]),
    ("map(toIPv4('1.2.3.4'), [toIPv6('::2')])", {"1.2.3.4": ["::2"]}),
    ("map('a', toDateTime('2026-01-01 00:00:00', 'Europe/Berlin'))", {"a": "2025-12-31T23:00:00Z"}),
    ("map(toDateTime('2026-01-01', 'UTC'), 1)", {"2026-01-01T00:00:00Z": 1}),
    (
        "(1, toIPv6('::1'), [toDateTime64('2026-01-01 00:00:00.1', 3, 'Europe/Berlin')])",
        {"1": 1, "2": "::1", "3": ["2025-12-31T23:00:00.100000Z"]},
    ),
    ("CAST((toIPv4('1.1.1.1'), 'x'), 'Tuple(a IPv4, `b c` String)')", {"a": "1.1.1.1", "b c": "x"}),
    ("CAST([(1, toIPv4('1.1.1.1'))], 'Nested(a UInt8, b IPv4)')", [{"a": 1, "b": "1.1.1.1"}]),
    ("CAST('b' AS Enum8('a' = 1, 'b' = 2))", "b"),
    (r"[CAST('a\'b' AS Enum16('a\'b' = 1000, 'b, (c' = -2))]", ["a'b"]),
    ("unhex('ff61')", "\\xffa"),
    ("map(unhex('ff'), [unhex('ff61'), 'ü'])", {"\\xff": ["\\xffa", "ü"]}),
    ("toLowCardinality(toNullable('x'))", "x"),
    ("[toFixedString('ab', 4)]", ["ab"]),
    ("[toUUID('a08b207c-6868-4afc-8343-2b3c2624dcbe')]", ["a08b207c-6868-4afc-8343-2b3c2624dcbe"]),
    ("[toDate('2026-01-01')]", ["2026-01-01"]),
    ("[toDecimal64(1.5, 2)]", [1.5]),
    ("[toFloat64(1) / 0, 1]", [None, 1.0]),
    ("[true]", [True]),
    ("toNullable(toIPv6(NULL))", None),
)
REFUSED = (
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE flows",
    "SELECT 1 INTO OUTFILE '{file}'",
    "SHOW TABLES INTO OUTFILE '{file}'",
    "/* SELECT */ DESCRIBE TABLE flows INTO OUTFILE '{file}' FORMAT CSV",
    "INSERT INTO FUNCTION file('{file}', 'CSV', 'a Int8') SELECT 1",
    "SELECT 1 FORMAT CSV",
    "SELECT file('/etc/hostname')",
    "SELECT `file`('/etc/hostname')",
    "SELECT * APPLY(file) FROM (SELECT '/etc/hostname')",
    "SELECT * APPLY(x -> file(x)) FROM (SELECT '/etc/hostname')",
    "SELECT arrayMap(file, ['/etc/hostname'])",
    "SELECT logTrace('x')",
    "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "SELECT * FROM default.`/etc/passwd`",
    "SELECT * FROM url('http://127.0.0.1:{port}/', 'CSV', 'a Int32')",
    "SELECT * FROM url('http://127.0.0.1:{port}/', 'CSV')",
    "DESCRIBE TABLE url('http://127.0.0.1:{port}/', 'CSV')",
    "EXPLAIN SELECT * FROM s3('http://127.0.0.1:{port}/a/b', 'CSV')",
    "SELECT (SELECT count() FROM remote('127.0.0.1:{port}', system.one))",
    "WITH a AS (SELECT * FROM mysql('127.0.0.1:{port}', 'a', 'b', 'c', 'd')) SELECT * FROM a",
    "SELECT * FROM view(SELECT * FROM url('http://127.0.0.1:{port}/', 'CSV', 'a Int32'))",
    "SELECT * FROM eval('SELECT 1')",
    "SELECT * FROM Python(os)",
    "SELECT aiGenerate('x')",
    "EXPLAIN TABLE OVERRIDE mysql('127.0.0.1:{port}', 'a', 'b', 'c', 'd') COLUMNS (a Int8)",
    "SELECT * FROM viewExplain('EXPLAIN', '', (SELECT 1))",
    "EXPLAIN AST DROP TABLE flows",
    "EXPLAIN INSERT INTO flows VALUES (1); DROP TABLE flows",
    "KILL QUERY WHERE 1",
    "SYSTEM FLUSH LOGS",
    "SET max_execution_time = 0",
    "SELECT 1 SETTINGS max_execution_time = 0",
    "SELECT (SELECT 1 SETTINGS readonly = 0)",
    "SET ROLE ALL",
    "USE default",
    "CREATE TEMPORARY TABLE a (a Int8)",
    "DROP TABLE flows",
    "BACKUP TABLE flows TO File('{file}')",
)
TAKEN = (
    "FROM numbers(2) SELECT number, toIPv4(number) AS ip",
    "-- SELECT\n/* DROP; */ WITH 1 AS a SELECT a, ';', 'INTO OUTFILE', format('{}', 'x') AS `FORMAT x`;\n",
    "(SELECT 1) UNION ALL (SELECT 2)",
    "SHOW TABLES",
    "SHOW CREATE TABLE flows",
    "DESCRIBE flows",
    "EXISTS TABLE flows",
    "SELECT 'file', 1 AS aim, arrayMap(toString, [1])",
    "EXPLAIN header = 1 SELECT 1",
    "SELECT count() FROM merge('weir', '^flows')",
)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Where no connection may arrive."""
    with socket.create_server(("127.0.0.1", 0)) as opened:
        opened.setblocking(False)
        yield opened


def test_values_are_right_at_any_depth(sink: Sink) -> None:
    for sql, wanted in VALUES:
        for head in ("SELECT {} AS x", "/* c */ -- d\nFROM system.one SELECT {} AS x"):
            (line,) = results.json_lines(sink.query(head.format(sql)))
            assert json.loads(line) == {"x": wanted}, sql


def test_what_does_more_than_read_is_refused(sink: Sink, listener: socket.socket, tmp_path: Path) -> None:
    file = tmp_path / "out"
    for sql in REFUSED:
        with pytest.raises(WeirError, match="only answers questions here"):
            sink.query(sql.replace("{file}", str(file)).replace("{port}", str(listener.getsockname()[1])))
        assert not file.exists(), sql
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert sink.query("SELECT count() AS n FROM flows").column("n").to_pylist() == [0]


def test_what_reads_is_taken(sink: Sink) -> None:
    for sql in TAKEN:
        assert sink.query(sql).num_rows, sql


def test_a_process_that_holds_the_directory_refuses_too(tmp_path: Path) -> None:
    holder = open_sink(f"chdb://{tmp_path}/data")
    asker = open_sink(f"chdb://{tmp_path}/data", read_only=True)
    try:
        for sql in ("SELECT 1; SELECT 2", f"SELECT 1 INTO OUTFILE '{tmp_path}/out'", "KILL QUERY WHERE 1", "SELECT file('/etc/hostname')"):
            with pytest.raises(WeirError, match="only answers questions here"):
                asker.query(sql)
        assert list(results.json_lines(asker.query("FROM system.one SELECT [toIPv4('1.1.1.1')] AS a, toInt256(7) AS b"))) == [
            '{"a":["1.1.1.1"],"b":7}'
        ]
    finally:
        asker.close()
        holder.close()
    assert not (tmp_path / "out").exists()


def test_an_answer_that_broke_off_leaves_nothing_to_the_next(sink: Sink) -> None:
    for _ in range(3):
        with pytest.raises(WeirError, match="broken off"):
            sink.query("SELECT throwIf(number = 100000, 'broken off') FROM numbers(200000)")
        assert sink.query("SELECT 7 AS x").to_pylist() == [{"x": 7}]


def test_wide_integers_are_marked(sink: Sink) -> None:
    table = sink.query("SELECT toInt256(7) AS wide, '7' AS narrow")
    assert table.to_pylist() == [{"wide": "7", "narrow": "7"}]
    assert (table.schema.field("wide").metadata, table.schema.field("narrow").metadata) == (WIDE_MARK, None)
    assert results.numeric(table) == [True, False]


@pytest.mark.parametrize(("sql", "said"), [("-- nothing", "Empty query"), ("SELECT '\udcff'", "not UTF-8"), ("SELEC 1", "Syntax error")])
def test_a_statement_that_is_none_is_one_sentence(sink: Sink, sql: str, said: str) -> None:
    with pytest.raises(WeirError, match=said) as caught:
        sink.query(sql)
    assert "formatQuery" not in str(caught.value) and "\n" not in str(caught.value)


def test_types_come_apart() -> None:
    kind = parse_type(
        "Map(LowCardinality(String), Array(Tuple(`a, (b` Nullable(DateTime64(3, 'Europe/Berlin')), c Enum8('x\\'' = -1, ')' = 2))))"
    )
    tuple_ = kind.inner[1].inner[0]
    assert (kind.name, kind.inner[0].name, tuple_.names) == ("Map", "String", ("a, (b", "c"))
    assert (tuple_.inner[0].zone, tuple_.inner[1].members) == ("Europe/Berlin", {-1: "x'", 2: ")"})


def test_the_grants_that_the_page_shows_can_be_read(chdb_sink: Sink) -> None:
    blocks = [part.split("```")[0] for part in (ROOT / "docs/operating.md").read_text().split("```sql\n")[1:]]
    (shown,) = [block for block in blocks if "GRANT" in block]
    for statement in shown.strip().rstrip(";").split(";\n"):
        quoted = statement.replace("\\", "\\\\").replace("'", "\\'")
        assert chdb_sink.query(f"SELECT formatQuerySingleLine('{quoted}') AS x").num_rows == 1  # noqa: S608
