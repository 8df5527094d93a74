"""Unions and timelines against every instant looked at by itself."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streams.ownership.intervals import SEVERAL, OwnedIntervals, flatten, union

Row = tuple[int, int, int, int, int]
spans = st.tuples(st.integers(0, 12), st.integers(0, 12)).map(lambda pair: (min(pair), max(pair)))
rows = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 1), spans).map(lambda row: (*row[:3], *row[3])), max_size=12)


def columns(held: list[Row]) -> OwnedIntervals:
    address, owner, node, start, end = np.array(held, np.int64).reshape(-1, 5).T
    return OwnedIntervals(address, owner.astype(np.uint32), node.astype(np.uint32), start, end)


@given(rows)
def test_a_union_says_the_same_of_every_instant_in_the_fewest_ranges(held: list[Row]) -> None:
    held = [row for row in held if row[3] < row[4]]
    found = union(columns(held))
    got = list(zip(*(column.tolist() for column in found), strict=True))
    said = {(*row[:3], at) for row in held for at in range(row[3], row[4])}
    assert {(*row[:3], at) for row in got for at in range(row[3], row[4])} == said
    assert len(got) == sum((*place[:3], place[3] - 1) not in said for place in said)
    assert got == sorted(got, key=lambda row: (row[0], row[3], row[1], row[2]))


@given(rows)
def test_a_timeline_has_one_owner_or_several_at_each_instant(held: list[Row]) -> None:
    held = [row for row in held if row[3] < row[4]]
    cut = flatten(columns(held))
    wanted: dict[tuple[int, int], int] = {}
    sayers: dict[tuple[int, int], set[int]] = {}
    for address, owner, node, start, end in held:
        for at in range(start, end):
            wanted[address, at] = owner if wanted.get((address, at), owner) == owner else SEVERAL
            sayers.setdefault((address, at), set()).add(node)
    pieces = list(zip(*(column.tolist() for column in cut[:4]), strict=True))
    for (address, start, end, owner), node in zip(pieces, cut.node.tolist(), strict=True):
        said = set[int]().union(*(sayers[address, at] for at in range(start, end)))
        assert owner == SEVERAL or node == SEVERAL or said == {node}
        alone = len({one[2] for one in held if one[:2] == (address, owner)}) == 1
        assert owner == SEVERAL or not alone or said == {node}
    assert {(address, at): owner for address, start, end, owner in pieces for at in range(start, end)} == wanted
    assert pieces == sorted(pieces)
    assert sum(end - start for _, start, end, _ in pieces) == len(wanted)
    for (address, _, end, owner), (other, start, _, label) in zip(pieces, pieces[1:], strict=False):
        assert (address, end, owner) != (other, start, label)
