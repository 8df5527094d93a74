"""A block that cannot be built is narrowed to the messages to blame: each becomes a dead letter, and the rest of the block counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from schemas.errors import Unavailable
from streams.intake.messages import ReceivedMessage, UnreadableMessage

T = TypeVar("T")
Build = Callable[[Sequence[ReceivedMessage]], T]
Reject = Callable[[ReceivedMessage, Exception], ReceivedMessage]

NOT_IN_THE_DATA = (Unavailable, MemoryError)
"""Errors of a server or of the machine: leaving a message out mends none of them."""


def narrowed(messages: Sequence[ReceivedMessage], build: Build[T], reject: Reject) -> T:
    """What `build` returns for the messages, with those it fails for replaced by what `reject` makes of them.

    `build` starts from the same state at every call, so that the same messages are rejected whenever the block is built again. Raises
    its error where no message is to blame: it fails for none at all, or for one that was rejected already. Each message to blame
    takes about log2(n) builds.
    """
    while True:
        try:
            return build(messages)
        except NOT_IN_THE_DATA:
            raise
        except Exception:
            at, error = _first_to_blame(messages, build)
            if isinstance(messages[at].content, UnreadableMessage):
                raise
            messages = [*messages[:at], reject(messages[at], error), *messages[at + 1 :]]


def _first_to_blame(messages: Sequence[ReceivedMessage], build: Build[T]) -> tuple[int, Exception]:
    """Index of the message at the end of the shortest prefix that cannot be built, and the error."""
    built, failing = 0, len(messages)
    build(messages[:0])
    error = _error_of(messages, build)
    while failing - built > 1:
        middle = (built + failing) // 2
        found = _error_of(messages[:middle], build)
        if found is None:
            built = middle
        else:
            failing, error = middle, found
    if error is None:
        raise RuntimeError("a block failed to build once and was built the next time from the same state")
    return failing - 1, error


def _error_of(messages: Sequence[ReceivedMessage], build: Build[T]) -> Exception | None:
    try:
        build(messages)
    except NOT_IN_THE_DATA:
        raise
    except Exception as error:
        return error
    return None
