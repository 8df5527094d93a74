"""What the console's questions take on a day of a large fleet: `make bench-console`."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from importlib.metadata import version
from itertools import chain
from pathlib import Path

from tests.bench.console import api, frames, process
from tests.bench.console.dataset import DAYS, EDGES, WORKLOADS, fill
from tests.bench.console.report import Figure, table
from tests.bench.machine import machine
from tests.bench.say import say
from tests.support.processes import Child

HOW = (
    f"{WORKLOADS:,} workloads, {EDGES:,} edges: a day of flows_1h (2.88 million rows) and edges, {DAYS} days of edges_1d. chDB in another "
    "process, asked through its socket under the console's limits; each question is another one, so that none comes from the cache."
)


def main() -> None:
    given = _arguments()
    say("", machine(), f"chDB {version('chdb')}. {HOW}", "")
    with tempfile.TemporaryDirectory(prefix="weir-bench-console-") as made:
        directory = Path(given.data_dir or made) / "data"
        if not directory.exists():
            begun = time.monotonic()
            fill(directory)
            say(f"Filled in {time.monotonic() - begun:.0f} s.", "")
        figures: list[Figure] = []
        with Child([sys.executable, "-m", "tests.bench.console.dataset", str(directory)], name="the tables' holder") as holder:
            holder.line("held")
            for figure in chain(api.measure(directory), process.measure(directory)):
                figures.append(figure)
                say(f"{figure.name}: {figure.found}")
    figures.extend(frames.measure())
    say("", *table(figures))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", help="where the tables are, or are made and kept; absent: made anew and removed")
    return parser.parse_args()


if __name__ == "__main__":
    main()
