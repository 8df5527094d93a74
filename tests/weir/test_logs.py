"""What reaches stderr."""

from __future__ import annotations

import logging

from weir.logs import OnceAMinute


def record(name: str, message: str, at: float, *arguments: object) -> logging.LogRecord:
    made = logging.LogRecord(name, logging.ERROR, __file__, 1, message, arguments, None)
    made.created = at
    return made


def test_a_client_library_says_the_same_words_once_a_minute() -> None:
    sparing = OnceAMinute()
    refused = "Unable connect to node with id %s: %s"
    assert sparing.filter(record("aiokafka", refused, 1_000.0, 1, "refused"))
    assert not sparing.filter(record("aiokafka", refused, 1_059.0, 2, "refused"))
    assert sparing.filter(record("aiokafka", "Unable to update metadata from %s", 1_059.0, 1))
    assert sparing.filter(record("aiokafka", refused, 1_061.0, 1, "refused"))


def test_weirs_own_lines_all_pass() -> None:
    sparing = OnceAMinute()
    assert all(sparing.filter(record("streams.processor", "the same", 1_000.0)) for _ in range(3))
