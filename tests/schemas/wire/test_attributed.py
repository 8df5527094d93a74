"""Messages of weir.attributed: an independent Avro reader finds every row of the table, once, in the right message."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fastavro import schemaless_reader, schemaless_writer
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.addresses import format_address, parse_address, parse_addresses
from schemas.records.tables import FLOWS
from schemas.wire.attributed import MESSAGE_FLOWS, Attributed, attributed_messages, partitions_of
from schemas.wire.avro_addresses import encode_addresses, encode_few_addresses
from schemas.wire.avro_columns import (
    encode_booleans,
    encode_few,
    encode_integers,
    encode_long,
    encode_runs,
    encode_text,
    encode_texts,
    fused,
    join_rows,
)
from schemas.wire.framing import Framer, unframe
from schemas.wire.schema_files import current
from tests.schemas.registry import InMemoryRegistry
from tests.schemas.strategies import ADDRESSES, COUNTS, INSTANTS, NAMES

FEW_NAMES = st.sampled_from(["", "checkout", "db", "a|b"])
Row = dict[str, Any]


def values_of(field: pa.Field) -> st.SearchStrategy[Any]:
    if field.name == "role":
        return st.sampled_from(["client", "server", "unknown"])
    if field.name in ("local_workload", "remote_workload", "region"):
        return FEW_NAMES
    if field.name == "window_start":
        return st.sampled_from([0, 10_000_000, 1_767_225_600_000_000])
    if pa.types.is_dictionary(field.type):
        return NAMES
    if pa.types.is_fixed_size_binary(field.type):
        return ADDRESSES
    if pa.types.is_boolean(field.type):
        return st.booleans()
    if pa.types.is_timestamp(field.type):
        return INSTANTS
    if pa.types.is_list(field.type):
        return st.lists(st.integers(0, 2**32 - 1), max_size=5)
    return COUNTS if field.type == pa.uint64() else st.integers(0, 2**field.type.bit_width - 1)


ROWS = st.lists(st.fixed_dictionaries({field.name: values_of(field) for field in FLOWS}), max_size=8)


def table_of(rows: list[Row]) -> pa.Table:
    columns = []
    for field in FLOWS:
        values = [row[field.name] for row in rows]
        if pa.types.is_timestamp(field.type):
            columns.append(pa.array(values, pa.int64()).cast(field.type))
        else:
            columns.append(pa.array(values, field.type))
    return pa.Table.from_arrays(columns, schema=FLOWS)


def expected(row: Row) -> Row:
    return {**row, "local_ip": format_address(row["local_ip"]), "remote_ip": format_address(row["remote_ip"])}


def comparable(row: Row) -> str:
    return repr(sorted(row.items()))


def decode(message: Attributed) -> Row:
    framed = unframe(message.value)
    assert framed.name == "AttributedFlows"
    source = BytesIO(framed.body)
    record: Any = schemaless_reader(source, current("AttributedFlows").parsed, None)
    assert source.read() == b""
    return dict(record)


def pair(row: Row) -> bytes:
    ends = (row["local_workload"], row["remote_workload"])
    return "|".join(reversed(ends) if row["role"] == "server" else ends).encode()


@given(ROWS, st.sampled_from([1, 600, 1 << 19]), st.sampled_from([1, 2, 8]))
@settings(max_examples=150, deadline=None)
def test_an_avro_reader_finds_what_went_in(rows: list[Row], message_bytes: int, partitions: int) -> None:
    found = []
    for message in attributed_messages(table_of(rows), partitions=partitions, message_bytes=message_bytes):
        record = decode(message)
        assert pair(record["flows"][0]) == message.key
        for row in record["flows"]:
            assert (row["window_start"], row["window_seconds"], row["region"]) == tuple(
                record[name] for name in ("window_start", "window_seconds", "region")
            )
            ends = (np.frombuffer(parse_address(row[name]), np.uint8) for name in ("remote_ip", "local_ip"))
            assert partitions_of(*ends, partitions).tolist() == [message.partition]
            assert list(row) == FLOWS.names
        found += record["flows"]
    assert sorted(map(comparable, found)) == sorted(comparable(expected(row)) for row in rows)


@given(ROWS)
@settings(max_examples=50, deadline=None)
def test_the_bytes_are_those_of_another_writer(rows: list[Row]) -> None:
    for message in attributed_messages(table_of(rows)):
        out = BytesIO()
        schemaless_writer(out, current("AttributedFlows").parsed, decode(message))
        assert out.getvalue() == bytes(unframe(message.value).body)


@given(ROWS)
@settings(max_examples=50, deadline=None)
def test_chunks_and_dictionaries_make_no_difference(rows: list[Row]) -> None:
    whole = list(attributed_messages(table_of(rows)))
    pieces = pa.concat_tables([table_of([row]) for row in rows]) if rows else table_of([])
    assert list(attributed_messages(pieces)) == whole
    windows = {(row["window_start"], row["window_seconds"], row["region"]) for row in rows}
    assert len(whole) == len(windows)


def one_row(**changes: Any) -> Row:
    row = {field.name: 0 for field in FLOWS} | {"local_ip": bytes(16), "remote_ip": bytes(16), "canonical": True}
    names = {field.name: "" for field in FLOWS if pa.types.is_dictionary(field.type)}
    row |= {field.name: [] for field in FLOWS if pa.types.is_list(field.type)}
    return {**row, **names, "role": "client", "local_workload": "web", "remote_workload": "db", **changes}


def test_both_views_of_a_pair_share_a_message_in_their_order() -> None:
    views = [
        one_row(bytes_sent=1),
        one_row(bytes_sent=2, role="server", local_workload="db", remote_workload="web"),
        one_row(bytes_sent=3),
    ]
    (message,) = attributed_messages(table_of(views))
    assert message.key == b"web|db"
    assert [row["bytes_sent"] for row in decode(message)["flows"]] == [1, 2, 3]


def test_a_large_group_is_cut_below_the_limit() -> None:
    messages = list(attributed_messages(table_of([one_row(bytes_sent=i) for i in range(2_000)]), message_bytes=10_000))
    assert len(messages) > 5
    assert max(len(message.value) for message in messages) < 10_100
    assert [row["bytes_sent"] for message in messages for row in decode(message)["flows"]] == list(range(2_000))


def test_a_message_holds_a_thousand_rows_or_what_fits() -> None:
    def sizes(**changes: Any) -> list[int]:
        rows = [one_row(bytes_sent=i, **changes) for i in range(2 * MESSAGE_FLOWS + 23)]
        messages = list(attributed_messages(table_of(rows)))
        assert max(len(message.value) for message in messages) < 1_000_000
        return [len(decode(message)["flows"]) for message in messages]

    assert sizes() == [MESSAGE_FLOWS, MESSAGE_FLOWS, 23]
    assert sizes(remote_workload="x" * 512) == [MESSAGE_FLOWS, MESSAGE_FLOWS, 23]
    longest = dict.fromkeys(("local_workload", "node_id", "region", "network", "remote_workload"), "x" * 512)
    assert len(sizes(**longest)) > 5


@given(ROWS, ROWS, st.sampled_from([1, 3_000, 1 << 19]), st.sampled_from([1, 8]))
@settings(max_examples=100, deadline=None)
def test_flows_are_in_the_same_message_however_they_are_named(
    rows: list[Row], others: list[Row], message_bytes: int, partitions: int
) -> None:
    """What a block that is built again after a crash may name otherwise."""
    named = ("remote_workload", "remote_source", "remote_reason", "canonical")
    again = [{**row, **{name: other[name] for name in named}} for row, other in zip(rows, others * len(rows), strict=False)]

    def flows(rows: list[Row]) -> list[tuple[int, list[str]]]:
        messages = attributed_messages(table_of(rows), partitions=partitions, message_bytes=message_bytes)
        plain = [(message.partition, decode(message)["flows"]) for message in messages]
        return [(number, [comparable({k: v for k, v in row.items() if k not in named}) for row in found]) for number, found in plain]

    assert flows(rows[: len(again)]) == flows(again)


def test_partitions_are_all_used_about_alike() -> None:
    drawn = np.random.default_rng(23).integers(0, 256, (2, 20_000, 16), np.uint8)
    drawn[:, :, :12] = np.frombuffer(bytes(10) + b"\xff\xff", np.uint8)
    drawn[:, :, 12] = 10
    spread = np.bincount(partitions_of(drawn[0], drawn[1], 8), minlength=8)
    assert spread.min() > 2_300 and spread.max() < 2_700


def test_integers_side_by_side_keep_their_places_beyond_one_piece() -> None:
    """The last row stands alone in its piece; values from one byte to the longest."""
    rows = np.arange(2 * 8_192 + 1)
    columns = [rows.astype(np.uint64) ** 4, np.full(len(rows), 7, np.uint8), (rows - 8_000) * 1_000, np.where(rows % 3, 0, -(2**62))]
    values = encode_integers(*columns).values.to_pylist()
    assert len(values) == len(rows)
    for row in (0, 1, 7_999, 8_000, 8_190, 8_191, 8_192, 8_193, 16_383, 16_384):
        assert values[row] == b"".join(encode_long(int(column[row])) for column in columns)


def test_rows_beyond_one_piece_keep_their_places() -> None:
    columns = [encode_integers(np.arange(5_000, dtype=np.uint64) ** 3), encode_integers(np.full(5_000, 7, np.int64))]
    data, offsets = join_rows(columns, 5_000, piece_rows=125)
    for row in (0, 1, 124, 125, 4_999):
        assert data[offsets[row] : offsets[row + 1]] == encode_long(row**3) + encode_long(7)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=20))
def test_integers_are_avros(values: list[int]) -> None:
    data, offsets = join_rows([encode_integers(np.array(values, np.int64))], len(values))
    assert [data[a:b] for a, b in zip(offsets, offsets[1:], strict=False)] == [encode_long(value) for value in values]
    for value in values:
        assert schemaless_reader(BytesIO(encode_long(value)), {"type": "long"}, None) == value


@pytest.mark.parametrize("more", [[], ["fd00::1"], ["::1.2.3.4"]])
def test_addresses_are_the_texts_of_another_formatter(more: list[str]) -> None:
    texts = [f"{a}.{b}.{c}.{d}" for a, b, c, d in zip(range(256), range(255, -1, -1), [0, 9, 10, 99] * 64, [100, 255] * 128, strict=True)]
    ip = parse_addresses([*texts, *more])
    for columns in (encode_addresses(ip), [encode_few_addresses(ip)]):
        data, offsets = join_rows(columns, len(ip))
        assert [data[a:b] for a, b in zip(offsets, offsets[1:], strict=False)] == [encode_text(format_address(one.tobytes())) for one in ip]


def test_ports_are_encoded_once_each() -> None:
    ports = np.array([443, 65_535, 0, 443, 64, 63], np.uint16)
    column = encode_few(ports)
    assert len(column.values) == 5
    assert column.part(slice(0, 6)).to_pylist() == [encode_long(port) for port in ports.tolist()]


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["", "a", "bc"]), st.booleans()), min_size=1, max_size=30))
def test_fused_columns_are_what_they_were_apart(rows: list[tuple[int, str, bool]]) -> None:
    numbers, texts, flags = zip(*rows, strict=True)
    names = ["", "a", "bc"]
    columns = [
        encode_runs(np.array(numbers, np.int64)),
        encode_texts(names, np.array([names.index(text) for text in texts])),
        encode_booleans(np.array(flags)),
    ]
    (together,) = fused(columns, len(rows))
    apart, bounds = join_rows(columns, len(rows))
    joined, offsets = join_rows([together], len(rows))
    assert (joined, offsets.tolist()) == (apart, bounds.tolist())


def test_columns_of_too_many_combinations_stay_apart() -> None:
    columns = [encode_runs(np.arange(300)), encode_runs(np.arange(300)[::-1])]
    assert len(fused(columns, 300)) == 2


def test_columns_are_fused_by_the_combinations_that_occur() -> None:
    """Each node has an epoch of its own: of 200 times 200 combinations 200 occur, and leave room for a third column."""
    each = encode_runs(np.arange(200))
    columns = [each, each, encode_texts(["a", "b"] * 100, np.arange(200))]
    (together,) = fused(columns, 200)
    assert join_rows([together], 200)[0] == join_rows(columns, 200)[0]


def test_no_flows_no_messages() -> None:
    assert list(attributed_messages(table_of([]))) == []


def test_a_registry_changes_the_header_alone() -> None:
    framer = Framer(InMemoryRegistry())
    (message,) = attributed_messages(table_of([one_row()]), framer)
    assert message.value[:1] == b"\0"
    assert bytes(framer.unframe(message.value).body) == bytes(unframe(next(attributed_messages(table_of([one_row()]))).value).body)


def test_another_table_and_nulls_are_a_callers_mistake() -> None:
    with pytest.raises(ValueError, match="not a table of flows"):
        list(attributed_messages(table_of([one_row()]).drop_columns(["canonical"])))
    with pytest.raises(ValueError, match="no nulls"):
        list(attributed_messages(table_of([one_row(network=None)])))
