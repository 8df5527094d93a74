"""Names read by what differs from the slice's last ones are those that fastavro reads, and the same objects; or it is fastavro's turn."""

from __future__ import annotations

import sys
from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from fastavro import parse_schema, schemaless_reader, schemaless_writer
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from schemas.errors import Unreadable
from schemas.records.flow_batch import empty_heartbeats
from schemas.wire import codec
from schemas.wire.changed_names import ChangedNames, changed_names
from schemas.wire.repeats import Repeats
from tests.schemas.samples import sample_batch
from tests.schemas.wire.alike import assert_read_alike

STRINGS: Any = parse_schema({"type": "array", "items": "string"})
NAMES = st.sampled_from(
    [
        *("", "a", "ab", "abc", "b", "ä", "ä+", "日本語", "\N{PILE OF POO}"),
        *("x" * 63, "x" * 64, "ä" * 31 + "x", "ä" * 32, "x" * 511, "ä" * 256),
        *("y" * 32, "@" + "y" * 32, "y" * 33),  # "@" is the length of the first: its bytes stand within the second's
    ]
)
LONG = ["x" * 8_191, "x" * 8_192, "ä" * 256 + "x"]
COUNTS = [0, 1, 2, 5, 40, 62, 63, 64, 65, 130]


def wire(names: list[str] | tuple[str, ...]) -> bytes:
    out = BytesIO()
    schemaless_writer(out, STRINGS, names)
    return out.getvalue()


def many(count: int) -> list[str]:
    return [f"service-{7 * number}" for number in range(count)]


@st.composite
def edited(draw: st.DrawFn, names: list[str]) -> list[str]:
    """The names with some inserted, removed, replaced, repeated, or in another order."""
    names = [*names]
    for _ in range(draw(st.integers(0, 4))):
        at, other = draw(st.integers(0, len(names))), draw(NAMES | st.integers(0, 400).map("service-{}".format))
        how = draw(st.sampled_from(["insert", "remove", "replace", "swap", "turn"]))
        if how == "insert":
            names.insert(at, other)
        elif how == "remove":
            del names[at : at + draw(st.integers(1, 3))]
        elif how == "replace":
            names[at : at + 1] = [other]
        elif how == "swap":
            names = names[at:] + names[:at]
        else:
            names[at : at + 5] = names[at : at + 5][::-1]
    return names


LISTS = st.lists(NAMES, max_size=12) | st.sampled_from(COUNTS).map(many)


@given(st.data(), LISTS)
@settings(max_examples=400, deadline=None)
def test_they_are_what_fastavro_reads(data: st.DataObject, before: list[str]) -> None:
    now = data.draw(edited(before))
    listed = bytearray(wire(now) + data.draw(st.binary(max_size=3)))
    for _ in range(data.draw(st.integers(0, 2))):
        at = data.draw(st.integers(0, len(listed) - 1) | st.just(0))
        listed[at] = data.draw(st.integers(0, 255) | st.sampled_from([0, 1, 2, 0x7F, 0x80, 0xFF]))
    torn = bytes(listed[: data.draw(st.just(len(listed)) | st.integers(0, len(listed)))])
    found = changed_names(torn, wire(before), tuple(before))
    if found is None:
        return
    begun = BytesIO(torn)
    names: Any = schemaless_reader(begun, STRINGS, None)
    assert (list(found.names), found.size) == (names, begun.tell())
    _assert_new(found, before)


@given(
    st.data(),
    st.sampled_from(COUNTS[1:]),
    st.sampled_from(["service-{}", "diensté-{}", "x" * 61 + "{}", "ä" * 254 + "{}"]),
    st.sampled_from(["", "s", "service-", "service-70", "ä", "x" * 64, "ä" * 256]),
)
@settings(max_examples=200, deadline=None)
def test_few_changes_are_read_without_fastavro_and_what_was_there_is_the_same(
    data: st.DataObject, count: int, name: str, other: str
) -> None:
    before = [name.format(7 * number) for number in range(count)]
    assume(other not in before)
    now = [*before]
    del now[data.draw(st.integers(0, len(now) - 1))]
    now.insert(data.draw(st.integers(0, len(now))), other)
    as_read = tuple(map("".join, before))  # not those that are interned
    found = changed_names(wire(now) + b"behind", wire(before), as_read)
    assert found is not None
    assert (list(found.names), found.size, found.new) == (now, len(wire(now)), (other,))
    known = dict(zip(before, as_read, strict=True))
    assert all(name is known[name] for name in found.names if name != other)


def _assert_new(found: ChangedNames, before: list[str]) -> None:
    """What is not known to be sound is among the new ones; new objects are there once."""
    assert {*found.names} - {*before} <= {*found.new} <= {*found.names}
    assert all(name is sys.intern(name) for name in found.new)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_batches_of_many_slices_are_read_as_by_themselves(data: st.DataObject) -> None:
    """Whatever names they had before: theirs, of other slices, or names that break the rule."""
    repeats, last = Repeats(), {}
    for number in range(data.draw(st.integers(2, 6))):
        place = data.draw(st.sampled_from([("n1", 0), ("n1", 1), ("n2", 0)]))
        names = data.draw(edited(last.get(place) or data.draw(LISTS)))
        if data.draw(st.integers(0, 5)) == 0:
            names = [*names[:3], data.draw(st.sampled_from([*LONG, "a\x07", "\x9f"])), *names[3:]]
        read = assert_read_alike(_body(number, names, *place), repeats)
        if read is not None:
            assert all(name is sys.intern(name) for name in read.workloads)
            last[place] = names


@given(st.data(), st.sampled_from(COUNTS).map(many))
@settings(max_examples=200, deadline=None)
def test_changed_bytes_of_names_are_read_or_refused_as_by_themselves(data: st.DataObject, before: list[str]) -> None:
    repeats = Repeats()
    codec.decode_batch(_body(0, before), None, repeats)
    for number in range(1, 4):
        names = data.draw(edited(before))
        body, size = bytearray(_body(number, names)), len(wire(names))
        named = body.index(wire(names))
        for _ in range(data.draw(st.integers(0, 2))):
            at = named + data.draw(st.integers(0, size - 1) | st.sampled_from([0, size - 1]))
            body[at] = data.draw(st.integers(0, 255) | st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]))
        assert_read_alike(bytes(body), repeats)


@pytest.mark.parametrize("name", ["a\x07", "\x85", *LONG])
def test_a_new_name_that_breaks_the_rule_is_refused_each_time(name: str) -> None:
    repeats = Repeats()
    codec.decode_batch(_body(0, many(40)), None, repeats)
    for _ in range(3):
        with pytest.raises(Unreadable, match="Workload name"):
            codec.decode_batch(_body(1, [*many(40), name]), None, repeats)


def test_holdings_that_are_the_same_are_checked_against_fewer_names() -> None:
    repeats = Repeats()
    batch = sample_batch(0)
    span = {name: getattr(batch.heartbeats, name)[[0, 0]] for name in ("start_us", "end_us")}
    batch = replace(batch, heartbeats=replace(batch.heartbeats, **span))
    codec.decode_batch(codec.encode_batch(batch), None, repeats)
    body = codec.encode_batch(batch).replace(wire(batch.workloads), wire(batch.workloads[:1]))
    with pytest.raises(Unreadable, match="A heartbeat's workload of row 1 is 1, and there are 1 workloads"):
        codec.decode_batch(body, None, repeats)


def test_names_that_are_not_laid_out_as_encode_batch_does_it_are_read_right() -> None:
    names = ("a", "p@", "z" * 33)
    a, p, z = (wire([name])[1:-1] for name in names)
    plain = b"\x06" + a + p + z + b"\0"
    others = [
        plain,
        b"\x02" + a + b"\x04" + p + z + b"\0",  # in two blocks
        b"\x05" + bytes((len(a + p + z) << 1,)) + a + p + z + b"\0",  # a negative count, and a size
        b"\x86\x00" + a + p + z + b"\0",  # a count of more bytes than it needs
        b"\x06" + a + b"\x84\x00" + p[1:] + z + b"\0",  # a length of more bytes than it needs
        b"\x06" + a + p + z + b"\x80\x00",
    ]
    # The bytes of both begin as the last of the second name, the length of the third, and the third.
    hidden = ("B" + "z" * 31, "x" + "q" * 60)
    assert (p + z).startswith(wire(hidden)[1:35], 2)
    for before in others:
        for now, listed in [*((names, other) for other in others), (hidden, wire(hidden))]:
            found = changed_names(listed, before, names)
            assert found is None or (found.names, found.size) == (now, len(listed))
    assert changed_names(plain, plain, names) == (names, (), len(plain))


@pytest.mark.parametrize(
    "listed", [b"", b"\x80", b"\0", b"\0\0", b"\x02", b"\xff" * 10, b"\xfe\xff\xff\xff\x0f", b"\x02\xfe\xff\xff\xff\x0f"]
)
def test_counts_and_lengths_beyond_the_body_are_left_to_fastavro(listed: bytes) -> None:
    for before in ([], [""], ["a", "b"]):
        assert changed_names(listed, wire(before), tuple(before)) is None


def test_a_torn_name_is_no_name_though_one_before_begins_with_it() -> None:
    listed = wire(["checkout", "cart"])
    for end in range(len(listed)):
        assert changed_names(listed[:end], listed, ("checkout", "cart")) is None


@pytest.mark.parametrize("count", [20, 130, 3_000])
def test_lists_that_have_little_in_common_are_left_to_fastavro(count: int) -> None:
    """Each new name is looked for in all those before: a sender must not choose how often."""
    before, now = many(count), [f"other-{number}" for number in range(count)]
    assert changed_names(wire(now), wire(before), tuple(before)) is None
    mixed = [name for pair in zip(before, now, strict=True) for name in pair]
    assert changed_names(wire(mixed), wire(before), tuple(before)) is None


def test_long_lists_with_many_changes_are_left_to_fastavro() -> None:
    before = many(3_000)
    for changes, left in ((20, False), (150, True)):
        now = [*before]
        now[:: 3_000 // changes] = [f"other-{number}" for number in range(changes)]
        assert (changed_names(wire(now), wire(before), tuple(before)) is None) is left


def test_a_name_whose_bytes_stand_within_another_is_not_taken_for_it() -> None:
    before = ["@" + "y" * 32, "next"]
    now = ["y" * 32, "next"]
    assert wire(now)[1:-1] in wire(before)
    assert changed_names(wire(now) + bytes(8), wire(before), tuple(before)) == (tuple(now), ("y" * 32,), len(wire(now)))


def _body(number: int, names: list[str], node_id: str = "n1", batch_index: int = 0) -> bytes:
    """Of a batch with heartbeats where it has names, written though a name may break the rule."""
    sample = sample_batch(0)
    beats = replace(sample.heartbeats, workload=np.array([0, len(names) - 1], "<u4")) if names else empty_heartbeats()
    batch = replace(sample, seq=number, workloads=tuple(names), heartbeats=beats, node_id=node_id, batch_index=batch_index, batch_count=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codec, "check_batch", lambda _: None)
        return codec.encode_batch(batch)
