"""Rows in the Native format are to the engine what they are in Arrow's."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import numpy as np
import pyarrow as pa
import pytest

from schemas.records.tables import ADDRESS, INSTANT, NAME, SAMPLES
from sinks.engines import chdb
from sinks.engines.chdb import ChdbEngine
from sinks.engines.native import is_native, write_native
from tests.sinks import blocks as make

EVERY = pa.schema(
    [
        ("flag", pa.bool_()),
        ("tiny", pa.uint8()),
        ("small", pa.uint16()),
        ("middle", pa.uint32()),
        ("large", pa.uint64()),
        ("signed", pa.int64()),
        ("at", INSTANT),
        ("ip", ADDRESS),
        ("name", NAME),
        ("samples", SAMPLES),
    ]
)
TABLE = (
    "CREATE TABLE every (flag Bool, tiny UInt8, small UInt16, middle UInt32, large UInt64, signed Int64, at DateTime64(6, 'UTC'), "
    "ip IPv6, name LowCardinality(String), samples Array(UInt32)) ENGINE = Memory"
)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChdbEngine]:
    opened = ChdbEngine(tmp_path_factory.mktemp("native") / "data")
    opened.execute(TABLE)
    yield opened
    opened.close()


def rows(count: int, texts: int, seed: int = 23) -> pa.Table:
    """Of about so many different texts, from none to 300 characters."""
    chance = np.random.default_rng(seed)
    names = [f"{number}\u00fc\0" + "x" * (number % 300) if number else "" for number in chance.integers(0, texts, count).tolist()]
    whole = {
        "flag": chance.random(count) < 0.5,
        **{name: chance.integers(0, 2**bits, count, dtype=np.uint64) for name, bits in (("tiny", 8), ("small", 16), ("middle", 32))},
        "large": chance.integers(0, 2**64, count, dtype=np.uint64),
        "signed": chance.integers(-(2**63), 2**63 - 1, count),
        "at": chance.integers(0, 2**52, count),
        "ip": [row.tobytes() for row in chance.integers(0, 256, (count, 16), np.uint8)],
        "name": names,
    }
    columns = [pa.array(whole[field.name]).cast(field.type) for field in EVERY if field.type not in (ADDRESS, NAME, SAMPLES)]
    lists = [chance.integers(0, 2**32, length).tolist() for length in chance.integers(0, 49, count)]
    return pa.table([*columns, pa.array(whole["ip"], ADDRESS), pa.array(names, NAME), pa.array(lists, SAMPLES)], schema=EVERY)


def as_arrow(engine: ChdbEngine, table: pa.Table) -> pa.Table:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chdb, "is_native", lambda _: False)
        engine.insert("every", table, {})
    return taken(engine)


def taken(engine: ChdbEngine) -> pa.Table:
    found = engine.query("SELECT * FROM every")
    engine.execute("TRUNCATE TABLE every")
    return found


@pytest.mark.parametrize(("count", "texts"), [(1, 1), (3, 1), (500, 90), (2_000, 200), (3_000, 260), (70_000, 66_000)])
def test_the_engine_reads_what_it_reads_of_arrow(engine: ChdbEngine, count: int, texts: int) -> None:
    table = rows(count, texts)
    engine.insert("every", table, {})
    found = taken(engine)
    assert found.num_rows == count
    assert found.equals(as_arrow(engine, table))


def test_chunks_with_dictionaries_of_their_own(engine: ChdbEngine) -> None:
    parts = pa.concat_tables([rows(7, 3, seed) for seed in range(5)])
    engine.insert("every", parts, {})
    assert taken(engine).equals(as_arrow(engine, parts))


def test_a_slice_of_rows(engine: ChdbEngine) -> None:
    part = rows(100, 9).slice(17, 40)
    engine.insert("every", part, {})
    found = taken(engine)
    assert found.column("samples").to_pylist() == part.column("samples").to_pylist()
    engine.insert("every", part, {})
    assert taken(engine).equals(as_arrow(engine, part))


def test_no_rows(engine: ChdbEngine) -> None:
    engine.insert("every", EVERY.empty_table(), {})
    assert taken(engine).num_rows == 0


def test_other_types_and_nulls_go_as_arrow() -> None:
    assert is_native(make.flows()) and is_native(make.losses(3))
    assert not is_native(pa.table({"text": ["a"]}))
    assert not is_native(pa.table({"list": pa.array([[1]], pa.list_(pa.uint32()))}))
    assert not is_native(pa.table({"number": pa.array([1, None], pa.uint8())}))


def test_lengths_are_varints() -> None:
    out = BytesIO()
    write_native(pa.table({"n" * 200: pa.array([5, 6], pa.uint8())}), out.write)
    assert out.getvalue() == b"\x01\x02" + b"\xc8\x01" + b"n" * 200 + b"\x05UInt8" + b"\x05\x06"
