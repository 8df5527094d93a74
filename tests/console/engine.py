"""The process that holds a data directory, as a worker or the demo would: it can be killed while a console asks it.

    python -m tests.console.engine DIRECTORY [empty]

Fills a new directory with the shop (`empty`: with nothing), says `ready END` (where the last window ends, in UTC seconds), and adds
another window at each SIGUSR1 (`window END`). Ends at SIGTERM.
"""

from __future__ import annotations

import queue
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from sinks.open import open_sink
from tests.console.found import findings
from tests.console.shop import TO_COME, WINDOW_S, next_window, shop


def main(directory: Path, *what: str) -> None:
    filled = directory / "filled"  # END of a directory that is there already
    asked: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in (signal.SIGUSR1, signal.SIGTERM):  # handled, not blocked: the thread that numpy has at its import would take them
        signal.signal(number, lambda number, _: asked.put(number))
    sink = open_sink(f"chdb://{directory}")
    if filled.exists():
        end_s = int(filled.read_text())
    else:
        sink.migrate()
        end_s = (int(time.time()) // WINDOW_S - TO_COME) * WINDOW_S
        if "empty" not in what:
            for block in shop(end_s):
                sink.write(block)
            sink.write_set("findings", findings(end_s))
    filled.write_text(str(end_s))
    _say(f"ready {end_s}")
    while _next(asked) == signal.SIGUSR1:
        sink.write(next_window(end_s))
        end_s += WINDOW_S
        filled.write_text(str(end_s))
        _say(f"window {end_s}")
    sink.close()


def _next(asked: queue.SimpleQueue[int]) -> int:
    """Looks again every half second: handlers run between two steps of this thread, and a signal just before it sleeps does not wake it."""
    while True:
        with suppress(queue.Empty):
            return asked.get(timeout=0.5)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
