"""Whatever a build raises for some of a block's messages, those and no others are left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import Unavailable, Unreadable, WeirError
from streams.blocks.narrow import narrowed
from streams.intake.messages import ReceivedMessage, UnreadableMessage
from tests.streams.support import batch

ERRORS = [
    OverflowError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AssertionError,
    WeirError,
    Unreadable,
    RecursionError,
    ZeroDivisionError,
    OSError,
]


def message(offset: int) -> ReceivedMessage:
    return ReceivedMessage(offset, 0, 1, batch([7]))


def reject(one: ReceivedMessage, error: Exception) -> ReceivedMessage:
    return replace(one, content=UnreadableMessage(Unreadable(f"{type(error).__name__}"), b"", b"", ()))


class Build:
    """Returns the offsets of the messages that it takes; raises for the poisonous ones, as long as they have not been rejected."""

    def __init__(self, poison: set[int], error: type[Exception] = ValueError) -> None:
        self.poison, self.error, self.calls = poison, error, 0

    def __call__(self, messages: Sequence[ReceivedMessage]) -> list[int]:
        self.calls += 1
        good = [one.offset for one in messages if not isinstance(one.content, UnreadableMessage)]
        if bad := self.poison.intersection(good):
            raise self.error(f"offset {min(bad)}")
        return good


@given(st.integers(1, 30), st.sets(st.integers(0, 29)), st.sampled_from(ERRORS))
def test_the_poisonous_messages_and_no_others_are_rejected(count: int, poison: set[int], error: type[Exception]) -> None:
    rejected: list[int] = []

    def note(one: ReceivedMessage, why: Exception) -> ReceivedMessage:
        rejected.append(one.offset)
        assert type(why) is error
        return reject(one, why)

    built = narrowed([message(offset) for offset in range(count)], Build(poison, error), note)
    assert built == [offset for offset in range(count) if offset not in poison]
    assert rejected == sorted(poison.intersection(range(count)))


def test_a_thousand_messages_take_few_builds() -> None:
    build = Build({700})
    narrowed([message(offset) for offset in range(1_000)], build, reject)
    assert build.calls < 20


@pytest.mark.parametrize("error", [Unavailable, MemoryError])
def test_an_error_of_a_server_or_of_the_machine_rejects_nothing(error: type[Exception]) -> None:
    with pytest.raises(error):
        narrowed([message(0), message(1)], Build({1}, error), reject)


def test_an_error_whatever_is_left_out_is_raised() -> None:
    def broken(_: Sequence[ReceivedMessage]) -> None:
        raise KeyError("a defect")

    with pytest.raises(KeyError, match="a defect"):
        narrowed([message(0), message(1)], broken, reject)


def test_a_rejected_message_that_still_fails_ends_it() -> None:
    def picky(messages: Sequence[ReceivedMessage]) -> None:
        if any(one.offset == 1 for one in messages):
            raise ValueError("whatever it holds")

    with pytest.raises(ValueError, match="whatever it holds"):
        narrowed([message(0), message(1), message(2)], picky, reject)
