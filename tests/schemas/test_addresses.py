"""Addresses between text and bytes: the inverse of each other, and ClickHouse's spelling."""

from __future__ import annotations

import ipaddress
from typing import Any

import chdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.addresses import format_address, parse_address, parse_addresses, split_addresses
from schemas.errors import Unreadable
from tests.schemas.strategies import ADDRESSES


@given(ADDRESSES)
def test_text_and_back(address: bytes) -> None:
    assert parse_address(format_address(address)) == address
    assert ipaddress.IPv6Address(format_address(address)).packed == address


@given(st.ip_addresses(v=4))
def test_ipv4_is_mapped(address: ipaddress.IPv4Address) -> None:
    assert format_address(parse_address(str(address))) == f"::ffff:{address}"


@given(st.lists(ADDRESSES, max_size=5))
def test_columns(addresses: list[bytes]) -> None:
    column = np.frombuffer(b"".join(addresses), np.uint8).reshape(-1, 16)
    texts = list(map(format_address, split_addresses(column)))
    assert texts == [format_address(address) for address in addresses]
    np.testing.assert_array_equal(parse_addresses(texts), column)


def test_trailing_zeros_stay() -> None:
    assert list(map(format_address, split_addresses(parse_addresses(["10.0.0.0", "2001:db8::"])))) == ["::ffff:10.0.0.0", "2001:db8::"]


def test_a_column_that_is_not_contiguous() -> None:
    column = np.arange(64, dtype=np.uint8).reshape(2, 32)[:, ::2]
    assert format_address(next(split_addresses(column))) == format_address(column[0].tobytes())


@pytest.mark.parametrize(
    "text", ["", "localhost", "10.0.0", "10.0.0.256", "010.0.0.1", "10.0.0.1/8", "::1%lo", "1:2:3", " ::1", "::\0", "\ud800"]
)
def test_what_is_no_address_is_named(text: str) -> None:
    with pytest.raises(Unreadable, match="is no IP address"):
        parse_address(text)


def test_clickhouse_spells_them_alike() -> None:
    """Among them every place for the longest run of zeros, and the forms with a dotted tail."""
    groups = [b"\0\0", b"\0\0", b"\0\1", b"\xff\xff", b"\x20\x01"]
    choice = np.random.default_rng(1).integers(0, len(groups), (500, 8))
    addresses = [b"".join(groups[i] for i in row) for row in choice]
    addresses += [parse_address(text) for text in ("10.0.0.1", "::", "::1", "::10.0.0.1", "::0.1.1.1", "::ffff:0:a00:1", "64:ff9b::a00:1")]
    values = ",".join(f"('{address.hex()}')" for address in addresses)
    query = f"SELECT toString(CAST(toFixedString(unhex(x), 16) AS IPv6)) FROM VALUES('x String', {values}) FORMAT TSV"  # noqa: S608
    engine: Any = chdb
    assert str(engine.query(query)).split() == [format_address(address) for address in addresses]
