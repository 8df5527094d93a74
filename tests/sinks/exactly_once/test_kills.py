"""SIGKILL at random instants: of a process that holds chDB, and of a server while another process writes to it."""

from __future__ import annotations

import random
import sys
import threading
import time
from pathlib import Path

from schemas.errors import Unavailable
from sinks.base import Sink
from sinks.open import open_sink
from tests.sinks.oracle import assert_rollups_follow
from tests.sinks.writer import COMMIT_EVERY, SHAPE, nth_block, read_notes
from tests.support.clickhouse import EngineHost
from tests.support.processes import Child, wait_for

KILLS = 12
FOR_EVER = 1_000_000


def writer(url: str, notes: Path, until: int) -> Child:
    return Child([sys.executable, "-m", "tests.sinks.writer", url, notes, str(until)], name="the writer")


def assert_written_once(sink: Sink, blocks: int) -> None:
    found = sink.query("SELECT count() AS n, uniqExact(first_offset) AS offsets FROM flows").to_pylist()
    assert found == [{"n": blocks * SHAPE.rows, "offsets": blocks}]
    expected = [nth_block(number) for number in range(blocks)]
    lost = sink.query("SELECT count() AS n FROM losses").column("n")[0].as_py()
    assert lost == sum(block.losses.num_rows for block in expected)
    assert sink.query("SELECT count() AS n FROM batches").column("n").to_pylist() == [blocks]
    assert sink.query("SELECT count() AS n FROM ownership").column("n").to_pylist() == [1]
    assert_rollups_follow(sink)


def test_a_process_with_chdb_killed_at_random_instants(tmp_path: Path) -> None:
    url, notes, chance = f"chdb://{tmp_path / 'data'}", tmp_path / "notes", random.Random(7)
    unfinished = 0
    for _ in range(KILLS):
        with writer(url, notes, FOR_EVER) as child:
            child.line("ready")
            goal = read_notes(notes)[0] + chance.randint(0, COMMIT_EVERY + 1)
            child.until(lambda goal=goal: read_notes(notes)[1] >= goal, 60, "the writer to get on")  # type: ignore[misc]
            time.sleep(chance.uniform(0, 0.2))  # the instant of the kill, not a wait for anything
            child.kill()
        committed, begun = read_notes(notes)
        unfinished += begun > committed
    assert unfinished > 0 < committed  # killed in the middle of something, and yet it got on
    with writer(url, notes, begun + 1) as child:
        child.wait(60)
    sink = open_sink(url)
    assert_written_once(sink, begun + 1)
    sink.close()


def test_a_server_killed_while_a_worker_writes(tmp_path: Path) -> None:
    chance = random.Random(11)
    with EngineHost(tmp_path / "engine") as host:
        notes = tmp_path / "notes"
        with writer(host.url, notes, FOR_EVER) as child:
            child.line("ready")
            for _ in range(KILLS // 2):
                before = read_notes(notes)
                time.sleep(chance.uniform(0.05, 0.6))  # the instant of the kill, not a wait for anything
                host.restart()
                child.until(lambda before=before: read_notes(notes) != before, 60, "the writer to get on")  # type: ignore[misc]
            child.kill()
        _, begun = read_notes(notes)
        with writer(host.url, notes, begun + 1) as child:
            child.wait(60)
        sink = open_sink(host.url)
        assert_written_once(sink, begun + 1)
        sink.close()


def test_an_answer_lost_after_the_server_stored_the_block(host: EngineHost, driver_sink: Sink) -> None:
    for number in range(4):
        host.lose_next_answer()
        tries = write_until_taken(driver_sink, number)
        assert tries > 1
    assert_written_once(driver_sink, 4)


def test_two_writers_of_the_same_blocks_at_once(host: EngineHost, driver_sink: Sink) -> None:
    """A worker that was thought dead, and the one that took its place."""
    errors: list[BaseException] = []

    def write_all() -> None:
        try:
            own = open_sink(host.url)
            for number in range(6):
                own.write(nth_block(number))
            own.close()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=write_all) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert_written_once(driver_sink, 6)


def test_a_server_away_and_back(tmp_path: Path) -> None:
    with EngineHost(tmp_path / "engine") as host:
        sink = open_sink(host.url)
        sink.migrate()
        sink.write(nth_block(0))
        host.kill()
        for _ in range(3):
            try:
                sink.write(nth_block(1))
                raise AssertionError("a block was taken by nobody")
            except Unavailable as error:
                assert "is it running" in str(error)
        host.start()
        wait_for(lambda: write_until_taken(sink, 1), 30, "the block to be taken")
        assert_written_once(sink, 2)
        sink.close()


def write_until_taken(sink: Sink, number: int) -> int:
    for tries in range(1, 20):
        try:
            sink.write(nth_block(number))
            return tries
        except Unavailable:
            continue
    raise AssertionError("twenty tries were not enough")
