"""Results to standard output, flushed as they come; a reader who has gone is no failure."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable
from itertools import islice

from schemas.errors import WeirError

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
    """Raises `ReaderGone`, or WeirError where standard output takes no more (a full disk, a closed descriptor)."""
    if sys.stdout is None:  # closed before the program began
        raise WeirError("standard output is closed: redirect it to a file or a pipe.")
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise ReaderGone from None
    except OSError as error:
        discard()
        raise WeirError(f"standard output cannot be written to ({error.strerror}): make room, or write the results elsewhere.") from None


def discard() -> None:
    """What standard output still holds goes nowhere: nothing more may be written to it, not even at exit."""
    with contextlib.suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def occupy_standard_descriptors() -> None:
    """Called once, at the start: a descriptor below 3 that came closed must not become a file that the engine opens."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) < 3:
        pass
    os.close(descriptor)
