"""A segment that was cut or damaged anywhere yields the whole records before the damage, and says what is missing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from producers.spool.segment import Record, Segment, make_segment, pack, packed_size, unpack
from schemas.records.flow_batch import Loss

u64 = st.integers(0, 2**60)
records = st.lists(st.tuples(u64, u64, u64, st.binary(max_size=60)), min_size=1, max_size=5)


def made(cells: list[tuple[int, int, int, bytes]]) -> Segment:
    parts = tuple(Record(40 + i, *cell) for i, cell in enumerate(cells))
    return make_segment(1_000_000, parts, (Loss(1, "agent", "map_full", 0, 2, 3),), (1, 2), {"map_full": (4, 5)})


@given(records)
def test_a_whole_segment_comes_back(cells: list[tuple[int, int, int, bytes]]) -> None:
    segment = made(cells)
    assert unpack(pack(segment)) == segment
    assert packed_size(segment) == len(pack(segment))
    assert segment.missing is None


@given(records, st.data())
def test_any_cut_keeps_what_is_before_it_and_counts_the_rest(cells: list[tuple[int, int, int, bytes]], data: st.DataObject) -> None:
    segment = made(cells)
    packed = pack(segment)
    found = unpack(packed[: data.draw(st.integers(0, len(packed) - 1))])
    if found is None:
        return
    assert found.records == segment.records[: len(found.records)]
    assert len(found.records) < len(segment.records)
    missing, cut_off = found.missing, segment.records[len(found.records) :]
    assert missing is not None
    assert missing.flows == sum(r.flows for r in cut_off)
    assert missing.bytes == sum(r.traffic_bytes for r in cut_off)
    assert (missing.stage, missing.reason, missing.id) == ("spool", "torn", 40)


@given(records, st.data())
def test_a_flipped_bit_never_passes_for_data(cells: list[tuple[int, int, int, bytes]], data: st.DataObject) -> None:
    segment = made(cells)
    packed = bytearray(pack(segment))
    packed[data.draw(st.integers(0, len(packed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    found = unpack(bytes(packed))
    assert found is None or found.records == segment.records[: len(found.records)] != segment.records
