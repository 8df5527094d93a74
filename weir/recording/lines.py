"""Lines of a file, of a pipe or of stdin, in bytes. A pipe that is silent does not keep a command from ending."""

from __future__ import annotations

import os
import select
import sys
import threading
from collections.abc import Iterator

from schemas.errors import SettingError

PATIENCE_SECONDS = 0.2
CHUNK_BYTES = 1 << 18


def check_readable(file: str) -> None:
    """SettingError unless FILE is '-' or can be read. Opens nothing: a named pipe has one reader."""
    if file == "-" or (os.access(file, os.R_OK) and not os.path.isdir(file)):
        return
    why = "is a directory" if os.path.isdir(file) else "cannot be read" if os.path.exists(file) else "does not exist"
    raise SettingError(f"FILE {file} {why}: give the path of a recording, or - for stdin.")


def read_lines(file: str, stop: threading.Event) -> Iterator[bytes]:
    """Every line with its end, until the file's end or `stop`."""
    source = sys.stdin.fileno() if file == "-" else os.open(file, os.O_RDONLY)
    try:
        pieces: list[bytes] = []  # of a line whose end has not come
        while chunk := _next_chunk(source, stop):
            *whole, last = chunk.split(b"\n")
            for line in whole:
                yield b"".join((*pieces, line, b"\n"))
                pieces.clear()
            pieces.append(last)
        if any(pieces) and not stop.is_set():
            yield b"".join(pieces)
    finally:
        if file != "-":
            os.close(source)


def _next_chunk(source: int, stop: threading.Event) -> bytes:
    """Empty at the end, and when `stop` is set."""
    ready = select.poll()  # select() refuses a descriptor of 1024 or more
    ready.register(source, select.POLLIN)
    while not stop.is_set():
        if ready.poll(PATIENCE_SECONDS * 1000):
            return os.read(source, CHUNK_BYTES)
    return b""
