"""What workers tell one another of many addresses: it comes back as it was, and what makes no sense is refused."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import Unreadable
from schemas.records.node_place import NodePlace
from schemas.records.ownership_changes import (
    HELD,
    LEASE_DTYPES,
    NO_SLICE,
    RANGE_DTYPES,
    SLICE_DTYPES,
    WIDTHS,
    OwnershipChanges,
    OwnershipLeases,
    RangeColumns,
    SliceColumns,
)
from schemas.wire.ownership_codec import (
    decode_changes,
    decode_leases,
    decode_node_place,
    encode_changes,
    encode_leases,
    encode_node_place,
)
from tests.schemas.strategies import INSTANTS
from tests.schemas.strategies import NAMES as ANY_NAMES

NAMES = ("n1", "default", "checkout")


def columns(dtypes: dict[str, np.dtype[Any]], rows: int, seed: int) -> dict[str, Any]:
    chance = np.random.default_rng(seed)
    return {
        name: chance.integers(0, len(NAMES), (rows, WIDTHS[name]) if name in WIDTHS else rows).astype(dtype)
        for name, dtype in dtypes.items()
    }


def changes(slices: int, ranges: int, seed: int = 0) -> OwnershipChanges:
    said = columns(RANGE_DTYPES, ranges, seed)
    said["kind"][:] = np.where(np.arange(ranges) % 2 == 0, 3, HELD) if slices else 0
    said["of"][:] = np.where(said["kind"] == HELD, np.arange(ranges) % max(1, slices), NO_SLICE)
    said["end_us"] += said["start_us"]
    held = columns(SLICE_DTYPES, slices, seed)
    held["until_us"] += held["since_us"]
    held["after_until_us"] += held["after_since_us"]
    return OwnershipChanges(NAMES, SliceColumns(**held), RangeColumns(**said))


def same(one: Any, other: Any) -> bool:
    return all(np.array_equal(getattr(one, field.name), getattr(other, field.name)) for field in fields(one))


@given(st.integers(0, 4), st.integers(0, 9), st.integers(0, 2**32))
def test_changes_come_back(slices: int, ranges: int, seed: int) -> None:
    told = changes(slices, ranges, seed)
    again = decode_changes(encode_changes(told))
    assert again.names == told.names and same(again.slices, told.slices) and same(again.ranges, told.ranges)


@given(st.integers(0, 9), st.integers(0, 2**32))
def test_leases_come_back(rows: int, seed: int) -> None:
    held = columns(LEASE_DTYPES, rows, seed)
    held["until_us"] += held["since_us"]
    told = OwnershipLeases(NAMES, **held)
    assert same(decode_leases(encode_leases(told)), told)


@given(ANY_NAMES.filter(bool), ANY_NAMES, ANY_NAMES, INSTANTS, INSTANTS)
def test_a_place_comes_back(node: str, region: str, zone: str, one: int, other: int) -> None:
    place = NodePlace(node, region, zone, min(one, other), max(one, other))
    assert decode_node_place(encode_node_place(place)) == place


def test_places_that_make_no_sense_are_refused() -> None:
    place = NodePlace("n1", "eu", "a", 5, 10)
    for wrong, sentence in (
        (replace(place, node_id=""), "without a name"),
        (replace(place, zone="a\n"), "control character"),
        (replace(place, until_us=4), "until 4 us, before"),
        (replace(place, since_us=-1), "since is -1"),
    ):
        with pytest.raises(Unreadable, match=sentence):
            encode_node_place(wrong)


def test_what_makes_no_sense_is_refused() -> None:
    told = changes(1, 2)
    ranges, slices = told.ranges, told.slices
    for wrong, sentence in (
        (replace(told, names=("n1",)), "there are 1 names"),
        (replace(told, ranges=replace(ranges, of=np.array([NO_SLICE, 1], np.uint32))), "there are 1 slices"),
        (replace(told, ranges=replace(ranges, kind=np.array([4, HELD], np.uint8))), "of kind 4"),
        (replace(told, ranges=replace(ranges, end_us=ranges.start_us - 1)), "lasts|before its start_us"),
        (replace(told, slices=replace(slices, until_us=slices.since_us - 1)), "lasts|before its since_us"),
        (replace(told, ranges=replace(ranges, ip=ranges.ip[:1])), "Column ip has the shape"),
    ):
        with pytest.raises(Unreadable, match=sentence):
            encode_changes(wrong)


def test_torn_bodies_are_refused() -> None:
    body = encode_changes(changes(2, 3))
    for size in range(0, len(body), 7):
        with pytest.raises(Unreadable):
            decode_changes(body[:size])
