"""Windows aligned to the wall clock: window k is [k*w, (k+1)*w) seconds since the epoch, equal on every node."""

from __future__ import annotations

from dataclasses import dataclass

SECOND_US = 1_000_000


@dataclass(frozen=True, order=True)
class Window:
    start_us: int
    seconds: int

    @property
    def end_us(self) -> int:
        return self.start_us + self.seconds * SECOND_US

    def holds(self, instant_us: int) -> bool:
        return self.start_us <= instant_us < self.end_us


def window_at(instant_us: int, seconds: int) -> Window:
    """The window that an instant lies in; an instant on a boundary opens the next one."""
    length_us = seconds * SECOND_US
    return Window(instant_us // length_us * length_us, seconds)


def is_late(window: Window, now_us: int) -> bool:
    """Whether a wake-up for this window's end came so late that draining now would blur two windows.

    A machine that was suspended, or starved, lets the missed window go: its counts are still in the kernel
    and leave with the window that is open now.
    """
    return now_us - window.end_us > window.seconds * SECOND_US // 4
