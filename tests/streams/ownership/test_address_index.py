"""The address table against a dict, and the lists of ranges against lists."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.ownership import address_index
from streams.ownership.address_index import AddressIndex, key_columns, split_keys
from streams.ownership.ragged import RaggedArray

key = st.tuples(st.integers(0, 3), st.binary(min_size=16, max_size=16) | st.just(bytes(16)), st.sampled_from([6, 17]), st.integers(0, 3))


def columns(keys: list[tuple[int, bytes, int, int]]) -> np.ndarray[tuple[int, int], np.dtype[np.uint64]]:
    ip = np.frombuffer(b"".join(one[1] for one in keys), np.uint8).reshape(-1, 16)
    network, protocol, port = (np.array([one[at] for one in keys], np.int64) for at in (0, 2, 3))
    return key_columns(network.astype(np.uint32), ip, protocol.astype(np.uint8), port.astype(np.uint16))


@given(st.lists(st.lists(key, max_size=12), max_size=6))
def test_ids_are_those_of_a_dict(rounds: list[list[tuple[int, bytes, int, int]]]) -> None:
    table, model = AddressIndex(), {}
    for keys in rounds:
        ids = table.intern(columns(keys))
        for one, number in zip(keys, ids.tolist(), strict=True):
            network, ip, protocol, port = one
            assert model.setdefault((network, ip, protocol if port else 0, port), number) == number
    assert sorted(model.values()) == list(range(table.count))
    network, ip, protocol, port = split_keys(table.keys)
    back = zip(network.tolist(), map(bytes, ip), protocol.tolist(), port.tolist(), strict=True)
    assert {one: number for number, one in enumerate(back)} == model


def test_many_addresses_are_found_and_no_others() -> None:
    def addresses(first: int, last: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint64]]:
        return columns([(0, bytes(12) + number.to_bytes(4, "big"), 6, 0) for number in range(first, last)])

    table = AddressIndex()
    for first in range(0, 30_000, 3_000):
        table.intern(addresses(first, first + 3_000))
    assert len(set(table.find(addresses(0, 30_000)).tolist())) == 30_000
    assert set(table.find(addresses(30_000, 60_000)).tolist()) == {-1}


@given(st.lists(st.dictionaries(st.integers(0, 7), st.lists(st.integers(0, 99), max_size=9), max_size=8), max_size=40))
def test_ragged_lists_are_lists(rounds: list[dict[int, list[int]]]) -> None:
    ragged, model = RaggedArray(value=np.int64), {number: [] for number in range(8)}
    ragged.resize(8)
    for written in rounds:
        model.update(written)
        values = np.array([value for rows in written.values() for value in rows], np.int64)
        counts = np.array([len(rows) for rows in written.values()], np.int64)
        ragged.put(np.array(list(written), np.int64), counts, value=values)
        if written and len(written) % 3 == 0:
            ragged.pack()
        for number, rows in model.items():
            assert ragged.columns["value"][ragged.positions(np.array([number]))].tolist() == rows
        assert ragged.rows == sum(map(len, model.values()))


def test_room_that_is_left_behind_is_used_again() -> None:
    ragged = RaggedArray(value=np.int64)
    ragged.resize(1)
    for size in range(1, 3_000):
        ragged.put(np.zeros(1, np.int64), np.array([size]), value=np.arange(size))
    assert ragged.memory_bytes < 8 * 3_000 * 6
    assert ragged.columns["value"][ragged.positions(np.zeros(1, np.int64))].tolist() == list(range(2_999))


def test_keys_with_one_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address_index, "mix", lambda words: np.zeros_like(words[0]))
    index, chance = AddressIndex(), np.random.default_rng(1)
    keys = chance.integers(0, 3, (3, 200)).astype(np.uint64)
    ids = index.intern(keys)
    assert index.count == len({*zip(*keys.tolist(), strict=True)})
    assert (index.keys[:, ids] == keys).all()
