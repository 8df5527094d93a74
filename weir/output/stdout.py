"""Results to standard output, flushed as they come; a reader who has gone is no failure."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from itertools import islice

CHUNK_LINES = 1_000


class ReaderGone(Exception):
    """Standard output was closed from the other side, as `head` does. The command ends quietly."""


def write(text: str) -> None:
    """One line or several, at once: somebody may be following."""
    write_bytes(f"{text}\n".encode(errors="backslashreplace"))


def write_lines(lines: Iterable[str]) -> None:
    """Writes lines in chunks, one flush a chunk."""
    rest = iter(lines)
    while chunk := list(islice(rest, CHUNK_LINES)):
        write("\n".join(chunk))


def write_bytes(data: bytes) -> None:
    sys.stdout.flush()
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise ReaderGone from None
