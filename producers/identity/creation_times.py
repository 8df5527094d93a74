"""Since when things exist, by the kernel's own records. Each answer is CLOCK_MONOTONIC nanoseconds, late rather than early.

An address carries the jiffies of its creation, in hundredths of a second. Jiffies run as long as the machine, but begin
later than the monotonic clock (a quarter of a second, on one machine): only their distance from the present count is of use.
The present count is what times(2) returns, from a start that depends on the kernel's tick rate.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

HUNDREDTH_NS = 10_000_000
"""The grain of all these records: an answer may be so much too late."""
_WRAP = 1 << 32
_BOOT_LEAD_SECONDS = 300
"""Jiffies start so long before their low 32 bits wrap."""
_RATES = range(24, 10_001)
_STRAYED_SECONDS = 60
MARGIN_NS = 100_000_000
"""An address may be younger than its stamp: jiffies stand still while the processor that counts them is kept from it."""


def now_ns() -> int:
    return time.monotonic_ns()


def address_since(created: int) -> int:
    """From the cstamp of an address. Now, where the kernel's count cannot be made out."""
    count, now = jiffies(), now_ns()
    if count is None:
        return now
    age = (count - created + _WRAP // 2) % _WRAP - _WRAP // 2  # an address older than eight months counts as new
    return now - max(0, age * HUNDREDTH_NS - MARGIN_NS)


def process_since(pid: int) -> int:
    """Now, for a process that is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return now_ns()
    started = (int(fields[19]) + 1) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    age = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - started
    return now_ns() - max(0, age)


def wall_since(wall_ns: int) -> int:
    """From a file's time, which is that of the tick before."""
    age = time.time_ns() - wall_ns - HUNDREDTH_NS
    return now_ns() - max(0, age)


def jiffies() -> int | None:
    """Hundredths of a second on the clock of an address's stamps; None where that clock is not understood."""
    return counted(round(os.times().elapsed * 100), time.monotonic())


def counted(times: int, monotonic_seconds: float) -> int | None:
    """What is left of the answer of times(2), in hundredths, when the count that the kernel began with is taken off.

    That is 2^32 ticks of a rate that no call tells, less five minutes; but no two rates bring it near the monotonic clock.
    """
    begun = times + _BOOT_LEAD_SECONDS * 100 - monotonic_seconds * 100
    rate = round(_WRAP * 100 / begun) if begun > 0 else 0
    if rate not in _RATES:
        return None
    count = int(times + _BOOT_LEAD_SECONDS * 100 - _WRAP * 100 / rate)
    strayed = abs(count - monotonic_seconds * 100) > _STRAYED_SECONDS * 100
    return None if strayed else count
