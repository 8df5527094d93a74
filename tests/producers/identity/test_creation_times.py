"""The kernel's count of jiffies is told from the monotonic clock, and what it does not tell is no age."""

from __future__ import annotations

import os
import subprocess
import time

import pytest

from producers.identity.creation_times import MARGIN_NS, address_since, counted, jiffies, now_ns, process_since, wall_since

SECOND = 1_000_000_000


def answered(rate: int, count: int) -> int:
    """What times(2) says `count` jiffies after boot, in hundredths."""
    return ((1 << 32) - 300 * rate + count) * 100 // rate


@pytest.mark.parametrize("rate", [24, 100, 128, 250, 256, 300, 1000, 1024, 1200])
@pytest.mark.parametrize("seconds", [1, 90, 86_400, 40_000_000])
@pytest.mark.parametrize("behind", [0.0, 0.26, 7.5])
def test_the_count_is_found_for_every_rate(rate: int, seconds: int, behind: float) -> None:
    found = counted(answered(rate, rate * seconds), seconds + behind)
    assert found is not None
    assert -1 <= found - seconds * 100 <= 0


def test_a_count_far_from_the_clock_is_not_believed() -> None:
    assert counted(answered(250, 250 * 1_000), 1_100.0) is None
    assert counted(0, 1_000.0) is None
    assert counted(1_000, 5.0) is None


def test_this_kernels_count_is_understood() -> None:
    count = jiffies()
    assert count is not None
    assert abs(count / 100 - time.monotonic()) < 60


def test_an_address_is_as_old_as_its_stamp_less_a_margin() -> None:
    count = jiffies()
    assert count is not None
    age = now_ns() - address_since((count - 3_000) % (1 << 32))
    assert 29 * SECOND < age + MARGIN_NS < 31 * SECOND
    assert age < 30 * SECOND


@pytest.mark.parametrize("ahead", [0, 1, 5, 1_000, 1 << 31])
def test_a_stamp_of_the_present_or_the_future_is_now(ahead: int) -> None:
    count, before = jiffies(), now_ns()
    assert count is not None
    assert before <= address_since((count + ahead) % (1 << 32)) <= now_ns()


def test_a_process_is_as_old_as_it_is() -> None:
    before = now_ns()
    with subprocess.Popen(["sleep", "30"]) as process:
        after = now_ns()
        assert before <= process_since(process.pid) <= after + SECOND // os.sysconf("SC_CLK_TCK")
        process.kill()
    now = now_ns()
    assert process_since(process.pid) >= now


def test_a_files_time() -> None:
    before = now_ns()
    since = wall_since(time.time_ns() - 5 * SECOND)
    now = now_ns()
    passed = now - before + SECOND // 1_000  # the two clocks are read one after the other, and one may be slewed
    tick = SECOND // os.sysconf("SC_CLK_TCK")  # a file's time lags by as much
    assert before - passed <= since + 5 * SECOND <= now + passed + tick
    assert wall_since(time.time_ns() + SECOND) >= now
