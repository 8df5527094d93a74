"""The file that rows go through into the embedded engine: what one statement left in it is never another's."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest

from schemas.errors import WeirError
from sinks.engines import payload as payloads
from sinks.engines.payload import Payload


@pytest.fixture
def payload() -> Iterator[Payload]:
    made = Payload()
    yield made
    made.close()


def number(payload: Payload) -> int:
    found = re.search(r"/proc/self/fd/(\d+)", payload.select("TSV"))
    assert found
    return int(found[1])


def held(payload: Payload, data: bytes) -> bytes:
    with payload.holding(lambda file: file.write(data)), open(f"/proc/self/fd/{number(payload)}", "rb") as file:
        return file.read()


def test_it_holds_what_was_written_last_and_nothing_more(payload: Payload) -> None:
    assert [held(payload, data) for data in (b"first", b"x" * 100_000, b"short", b"")] == [b"first", b"x" * 100_000, b"short", b""]


def test_nothing_is_held_of_what_failed_in_the_midst(payload: Payload) -> None:
    def write(file: object) -> None:
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"), payload.holding(write):
        raise AssertionError("a statement would run")
    assert held(payload, b"next") == b"next"


def test_what_is_kept_between_statements_is_bounded(payload: Payload, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payloads, "_KEPT_BYTES", 1_000)
    held(payload, b"x" * 1_000)
    assert os.fstat(number(payload)).st_size == 1_000
    held(payload, b"x" * 1_001)
    assert os.fstat(number(payload)).st_size == 0


def test_a_closed_one_says_so(payload: Payload) -> None:
    payload.close()
    with pytest.raises(WeirError, match="has been closed"), payload.holding(lambda file: file.write(b"x")):
        raise AssertionError("a statement would run")
