"""A process to be killed: writes block after block, and notes where it stands in a file, behind what it has done.

    python -m tests.sinks.writer URL NOTES UNTIL

NOTES holds two numbers: the first block that is not committed, and the last that was begun. Every life starts at the former.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from schemas.errors import Unavailable
from schemas.records.tables import Block
from sinks.open import open_sink
from tests.sinks import blocks as make

COMMIT_EVERY = 3
SHAPE = make.Shape(rows=1_500, windows=12, step_seconds=20_011)  # three days: three partitions of `flows`, two of `flows_1m`


def nth_block(number: int) -> Block:
    offset = number * 10
    return make.block(
        make.identity(offset),
        make.flows(SHAPE, seed=number % 5, first_offset=offset),
        make.losses(number % 3, first_offset=offset),
        make.ownership([("10.0.0.1", "w", number, number + 1)]),
        make.batches([(number, 0, 1)], first_offset=offset),
        make.rests([(7, 0, number + 1)]),
    )


def read_notes(notes: Path) -> tuple[int, int]:
    if not notes.exists():
        return 0, -1
    committed, begun = notes.read_text().split()
    return int(committed), int(begun)


def note(notes: Path, committed: int, begun: int) -> None:
    """Replaced in one step: a kill leaves the old or the new."""
    fresh = notes.with_suffix(".new")
    fresh.write_text(f"{committed} {begun}")
    os.replace(fresh, notes)


def main(url: str, notes: Path, until: int) -> None:
    sink = open_sink(url)
    sink.migrate()
    committed, begun = read_notes(notes)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for number in range(committed, until):
        again = number <= begun
        begun = max(begun, number)
        note(notes, committed, begun)
        while True:
            try:
                sink.write(nth_block(number), maybe_written=again)
                break
            except Unavailable:
                again = True
        if (number + 1) % COMMIT_EVERY == 0:
            committed = number + 1
            note(notes, committed, begun)
    sink.close()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
