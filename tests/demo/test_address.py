"""Where the demo's console listens."""

from __future__ import annotations

import socket

import pytest

from schemas.errors import SettingError
from weir.demo.address import NEIGHBOURS, free_address, read_address, url_of
from weir.settings.listening import Address


@pytest.mark.parametrize(("text", "address"), [("127.0.0.1:8470", Address("127.0.0.1", 8470)), ("[::1]:1", Address("::1", 1))])
def test_an_address_is_read_as_it_is_written(text: str, address: Address) -> None:
    assert read_address(text) == address
    assert url_of(address) == f"http://{text}"


@pytest.mark.parametrize("text", ["8470", ":8470", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:http", ""])
def test_what_is_no_address_is_refused_with_one_to_copy(text: str) -> None:
    with pytest.raises(SettingError, match="write one like 127.0.0.1:8470"):
        read_address(text)


def test_a_taken_port_leads_to_the_next_free_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = free_address(Address("127.0.0.1", port))
        assert port < found.port < port + NEIGHBOURS
    assert free_address(Address("127.0.0.1", port)).port == port


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(SettingError, match="192.0.2.1:8470 cannot be listened on"):
        free_address(Address("192.0.2.1", 8470))
