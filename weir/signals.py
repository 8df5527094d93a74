"""SIGTERM and Ctrl-C as one event. Standard library only: the resident agent uses it too."""

from __future__ import annotations

import signal
import threading
from types import FrameType


def interrupt_on_sigterm() -> None:
    """Until a command takes over, SIGTERM ends it as Ctrl-C does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def stop_on_signals() -> threading.Event:
    """The event that either signal sets. A second one of either raises KeyboardInterrupt: for people in a hurry."""
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            signal.default_int_handler(number, frame)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    return stop
