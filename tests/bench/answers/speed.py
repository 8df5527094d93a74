"""How long each answer takes on a day of 5,000 edges, as a command of its own, and what a step of the detector costs."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sinks.open import open_engine
from sinks.queries.spans import Span
from sinks.queries.status import ask_oldest
from tests.bench.console.dataset import LAST_S, fill
from tests.bench.console.report import Figure, at_most
from weir.detector.watches import every_watch

LONGEST_S, RUNS = 3.0, 3
STEP_S, OF_A_CORE = 300, 0.05
DAY = ("--from", str(LAST_S - 86_400), "--to", str(LAST_S))
COMMANDS = (
    ("path", "ns1/w1", "ns8/w8:8080", *DAY),
    ("health", "--from", str(LAST_S - 6 * 3_600), "--to", str(LAST_S)),
    ("cost", *DAY),
    ("segments", *DAY),
    ("forecast", *DAY),
    ("findings", "--since", str(LAST_S - 86_400)),
)
PRICES = "aws"
VERDICTS = (0, 1, 3)
"""Statuses of `weir path`; of all others only 0 is an answer."""


@dataclass(frozen=True)
class Took:
    status: int
    wall_s: float
    cpu_s: float
    said: str


def measure(seed: int) -> Iterator[Figure]:
    """The tables are always the same. Each command opens their directory itself, as nobody else holds it."""
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch) / "data"
        fill(directory)
        for command in COMMANDS:
            yield _command(command, directory)
        yield _step(directory)


def _command(command: tuple[str, ...], directory: Path) -> Figure:
    runs = [_run(command, directory) for _ in range(RUNS)]
    name, answered = f"`weir {command[0]}`, a day of 5,000 edges", VERDICTS if command[0] == "path" else (0,)
    wrong = next((run for run in runs if run.status not in answered), None)
    if wrong:
        return Figure(name, f"<= {LONGEST_S:g} s", f"status {wrong.status}: {wrong.said}", False)
    wall_s, cpu_s = (statistics.median(getattr(run, one) for run in runs) for one in ("wall_s", "cpu_s"))
    return at_most(name, LONGEST_S, wall_s, "s", f" ({cpu_s:.1f} s of CPU)")


def _run(command: tuple[str, ...], directory: Path) -> Took:
    environment = {**os.environ, "WEIR_CLICKHOUSE_URL": f"chdb://{directory}", "WEIR_PRICES_FILE": PRICES}
    before, begun_s = _cpu_of_children(), time.monotonic()
    done = subprocess.run([sys.executable, "-m", "weir.cli", *command], env=environment, capture_output=True, text=True, timeout=120)
    took_s = time.monotonic() - begun_s
    return Took(done.returncode, took_s, _cpu_of_children() - before, done.stderr.strip()[-200:])


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _step(directory: Path) -> Figure:
    """The first look of every watch, at the last five minutes: with nothing remembered it is the dearest. The engine's threads count."""
    watches = every_watch()
    with closing(open_engine(f"chdb://{directory}", read_only=True)) as engine:
        oldest = ask_oldest(engine.ask)
        begun_s = time.process_time()
        for watch in watches:
            watch.look(engine.ask, Span(LAST_S - STEP_S, LAST_S), oldest, {})
        took_s = time.process_time() - begun_s
    beside = f" of {STEP_S} s: {took_s / STEP_S:.1%} of a core, {len(watches)} watches"
    return at_most("the detector's step, CPU", OF_A_CORE * STEP_S, took_s, "s", beside)
