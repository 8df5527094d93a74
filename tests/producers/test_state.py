"""What an agent keeps between its lives: journal, identity, losses; and the clocks that it reads."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers import losses
from producers import node_identity as identity
from producers.capture.clock import SystemClock, to_utc_us
from producers.capture.window import Window, is_late, window_at
from producers.spool.journal import SLOT_BYTES, Journal, State
from producers.spool.recovery import died_with_memory, next_state
from schemas.errors import SettingError
from schemas.records.flow_batch import Loss

STATE = State(7, "boot", 3, True, 1, 10_000_000, 10, {"map_full": (1, 2)}, (Loss(0, "spool", "full", 1, 2, 3, 4),), (5, 6, 7), 8)


def test_a_journal_gives_back_what_was_written_last(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    assert journal.read() is None
    for seq in range(5):
        journal.write(State(1, "b", seq))
    journal.write(STATE)
    journal.close()
    again = Journal(tmp_path / "journal")
    assert again.read() == STATE
    again.write(State(9, "b"))
    assert again.read() == State(9, "b")
    again.close()


@given(st.integers(0, 400), st.binary(min_size=1, max_size=40))
def test_a_torn_write_leaves_the_state_before_it(tmp_path_factory: pytest.TempPathFactory, at: int, junk: bytes) -> None:
    path = tmp_path_factory.mktemp("journal") / "journal"
    journal = Journal(path)
    journal.write(STATE)  # slot 1
    journal.write(State(8, "boot"))  # slot 0
    journal.close()
    data = bytearray(path.read_bytes())
    before = bytes(data)
    data[at : at + len(junk)] = junk
    path.write_bytes(data[: 2 * SLOT_BYTES])
    again = Journal(path)
    assert again.read() in ((STATE, State(8, "boot")) if bytes(data) != before else (State(8, "boot"),))
    again.close()


def test_a_journal_needs_no_new_room_on_the_disk(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    size = (tmp_path / "journal").stat().st_blocks
    for _ in range(10):
        journal.write(STATE)
    assert (tmp_path / "journal").stat().st_blocks == size
    journal.close()


def test_node_id_is_made_once_and_kept(tmp_path: Path) -> None:
    made = identity.node_id(None, tmp_path)
    assert made
    assert identity.node_id("", tmp_path) == made
    assert identity.node_id("given", tmp_path) == "given"


def test_a_state_directory_serves_one_agent(tmp_path: Path) -> None:
    lock = identity.claim_state_dir(tmp_path / "state")
    with pytest.raises(SettingError, match="in use by another agent"):
        identity.claim_state_dir(tmp_path / "state", 0.1)
    threading.Timer(0.2, os.close, (lock,)).start()  # it is on its way out
    os.close(identity.claim_state_dir(tmp_path / "state"))


def test_a_state_directory_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingError, match="set WEIR_STATE_DIR"):
        identity.claim_state_dir(tmp_path / "file" / "state")


def test_the_epoch_goes_on_only_where_the_counts_do() -> None:
    assert next_state(STATE, True, "boot", 100, {}, 0) == STATE
    reloaded, rebooted = next_state(STATE, False, "boot", 100, {}, 9), next_state(STATE, True, "other", 100, {}, 9)
    assert reloaded.epoch == rebooted.epoch == 100
    assert (reloaded.next_seq, reloaded.carried, reloaded.lost, reloaded.taking) == (9, STATE.carried, {}, False)
    assert next_state(STATE, False, "boot", 3, {}, 0).epoch == 8  # A clock that was set back makes no older epoch.
    fresh = next_state(None, True, "boot", 100, {"map_full": (1, 1)}, 5)
    assert (fresh.epoch, fresh.next_seq, fresh.lost) == (100, 5, {"map_full": (1, 1)})


def test_windows_that_died_with_memory_are_a_loss() -> None:
    assert died_with_memory(STATE) == (Loss(8, "spool", "memory", 5, 6, 7, 3),)
    assert died_with_memory(State(1, "b")) == ()


def test_only_new_losses_are_reported() -> None:
    before, now = {"a": (1, 10), "b": (2, 20)}, {"a": (1, 10), "b": (5, 50), "c": (7, 70)}
    assert losses.since(before, now, 9) == (Loss(9, "agent", "b", 0, 3, 30), Loss(9, "agent", "c", 0, 7, 70))


@given(st.lists(st.builds(Loss, st.integers(0, 2**45), st.just("spool"), st.sampled_from("xy"), *[st.integers(0, 99)] * 4), max_size=900))
def test_merging_losses_keeps_the_sums_in_bounded_room(many: list[Loss]) -> None:
    distinct, merged = set(many), losses.merged(many)
    assert len(merged) <= losses.CARRIED_LIMIT
    for name in ("flows", "packets", "bytes"):
        assert sum(getattr(loss, name) for loss in merged) == sum(getattr(loss, name) for loss in distinct)


@given(st.integers(0, 2**52), st.integers(1, 3600))
def test_windows_tile_time(instant_us: int, seconds: int) -> None:
    window = window_at(instant_us, seconds)
    assert window.holds(instant_us)
    assert window.start_us % (seconds * 1_000_000) == 0
    assert window_at(window.end_us, seconds) == Window(window.end_us, seconds)


def test_a_late_wake_up_is_told_from_a_punctual_one() -> None:
    window = Window(0, 10)
    assert not is_late(window, window.end_us + 2_000_000)
    assert is_late(window, window.end_us + 3_000_000)


def test_kernel_stamps_become_wall_time() -> None:
    clock = SystemClock()
    stamp, wall = np.array([time.monotonic_ns()], np.uint64), time.time_ns()
    assert abs(int(to_utc_us(stamp, clock.offset_ns())[0]) - wall // 1000) < 50_000
