"""Lines come whole, whatever the chunks, and a silent pipe does not hold a command."""

from __future__ import annotations

import os
import resource
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import SettingError
from tests.support.processes import PATIENCE
from weir.recording import lines
from weir.recording.lines import check_readable, read_lines


@given(st.lists(st.binary().map(lambda text: text.replace(b"\n", b"")), max_size=20), st.booleans(), st.integers(1, 9))
def test_lines_are_those_of_the_file(tmp_path_factory: pytest.TempPathFactory, wanted: list[bytes], ends: bool, chunk: int) -> None:
    file = tmp_path_factory.mktemp("lines") / "file"
    text = b"\n".join(wanted) + (b"\n" if ends else b"")
    file.write_bytes(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "CHUNK_BYTES", chunk)
        assert list(read_lines(str(file), threading.Event())) == text.splitlines(keepends=True) or b"\r" in text
        assert b"".join(read_lines(str(file), threading.Event())) == text


def test_stop_ends_a_read_of_a_silent_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    stop = threading.Event()
    writer_end = os.open(pipe, os.O_RDWR)  # held open: the reader sees no end
    os.write(writer_end, b"one\ntw")
    taken: list[bytes] = []
    reader = threading.Thread(target=lambda: taken.extend(read_lines(str(pipe), stop)), daemon=True)
    reader.start()
    stop.set()
    reader.join(10 * PATIENCE)
    os.close(writer_end)
    assert not reader.is_alive()
    assert b"tw" not in taken


def test_a_process_with_many_open_files_reads(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"one\n")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 4096), hard), hard))
    held = [os.open(file, os.O_RDONLY) for _ in range(1100)]
    try:
        assert list(read_lines(str(file), threading.Event())) == [b"one\n"]
    finally:
        for descriptor in held:
            os.close(descriptor)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    check_readable("-")
    with pytest.raises(SettingError, match="is a directory"):
        check_readable(str(tmp_path))
    with pytest.raises(SettingError, match="absent does not exist"):
        check_readable(str(tmp_path / "absent"))
