"""SIGTERM and Ctrl-C as one event. Standard library only: the resident agent uses it too."""

from __future__ import annotations

import signal
import threading
import time
from queue import SimpleQueue
from types import FrameType

HURRY_SECONDS = 0.5
"""What comes within so long after the first signal says the same: the kernel sends one for each thread of a parent that is killed."""


class _Stop(threading.Event):
    """`first_s`: when the first signal came. It counts as set from then on, also before the thread has set it."""

    first_s: float | None = None

    def is_set(self) -> bool:
        return self.first_s is not None or super().is_set()


def interrupt_on_sigterm() -> None:
    """Until a command takes over, SIGTERM ends it as Ctrl-C does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def stop_on_signals() -> threading.Event:
    """The event that either signal sets. One that comes later than HURRY_SECONDS raises KeyboardInterrupt: for people in a hurry.

    A thread sets it: `Event.set` takes a lock, and a handler that interrupts who holds it, as the main thread does at moments of
    `Event.wait`, or an earlier signal's handler, would wait for ever. `SimpleQueue.put` may interrupt anything, itself included.
    """
    stop = _Stop()
    told: SimpleQueue[None] = SimpleQueue()

    def set_when_told() -> None:
        told.get()
        stop.set()

    def on_signal(number: int, frame: FrameType | None) -> None:
        now_s = time.monotonic()
        if stop.first_s is None:
            stop.first_s = now_s
            told.put(None)
        elif now_s - stop.first_s >= HURRY_SECONDS:
            signal.default_int_handler(number, frame)

    threading.Thread(target=set_when_told, name="signals", daemon=True).start()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    return stop
