"""A disk without room: the engine says so at once, weir waits for room, and the block is there once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from schemas.errors import Unavailable
from sinks.base import Sink
from sinks.open import open_sink
from tests.sinks.exactly_once.test_kills import assert_written_once
from tests.sinks.writer import nth_block
from tests.support.clickhouse import EngineHost
from tests.support.disk import TOO_LITTLE, SmallDisk

WRITTEN, REFUSED = 3, 4
"""Blocks before the disk is full, and after."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with SmallDisk(tmp_path / "disk") as opened:
        yield opened


def inside(stack: ExitStack, directory: Path) -> Sink:
    return open_sink(f"chdb://{directory}")


def behind_the_protocol(stack: ExitStack, directory: Path) -> Sink:
    return open_sink(stack.enter_context(EngineHost(directory)).url)


@pytest.mark.parametrize("opened", [inside, behind_the_protocol])
def test_what_a_full_disk_refuses_is_written_when_there_is_room(disk: SmallDisk, opened: Callable[[ExitStack, Path], Sink]) -> None:
    with ExitStack() as stack:
        sink = opened(stack, disk.path / "data")
        stack.callback(sink.close)
        sink.migrate()
        for number in range(WRITTEN):
            sink.write(nth_block(number))
        for number in range(WRITTEN, WRITTEN + REFUSED):
            disk.fill(TOO_LITTLE)
            with pytest.raises(Unavailable):
                sink.write(nth_block(number))
        disk.relieve()
        for number in range(WRITTEN, WRITTEN + REFUSED):
            sink.write(nth_block(number))
        assert_written_once(sink, WRITTEN + REFUSED)
