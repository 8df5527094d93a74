"""Hundreds of kills under millions of flows: `make soak`. Half of it with the engine inside the worker, half with it apart.

Prints a table after each half, writes the same as JSON, and ends with status 1 where anything was lost, doubled or misnamed, or a
failpoint not hit.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.bench.say import say
from tests.faults.plan import long_plan
from tests.faults.report import never_hit, table, write
from tests.faults.run import Outcome, carry_out, recent_shape

NODES = 20
BATCHES_A_WINDOW = 2


def main() -> None:
    given = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        layouts = [layout for layout in ("embedded", "served") if given.only in ("", layout)]
        outcomes = []
        for layout in layouts:
            outcomes.append(_soak(given, Path(folder) / layout, layout, len(layouts)))
            say("", *table(outcomes))
            write(outcomes, given.output)
    missed = never_hit(outcomes)
    say("", f"Failpoints never hit: {', '.join(missed) or 'none'}.")
    sys.exit(0 if not missed and all(outcome.verdicts.clean for outcome in outcomes) else 1)


def _soak(given: argparse.Namespace, folder: Path, layout: str, of: int) -> Outcome:
    steps = long_plan(given.seed, given.kills // of, served=layout == "served")
    each = max(1, given.flows // of // (len(steps) + 1) // NODES)
    shape = recent_shape(given.seed, 2 * len(steps), each, max(1, -(-each // BATCHES_A_WINDOW)))
    say(f"{layout}: {len(steps)} faults, {shape.flows_a_window:,} flows and more between two")
    return carry_out(folder, shape, steps, embedded=layout == "embedded", crew_size=1 if layout == "embedded" else given.workers, say=say)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="SIGKILLs at least, in both halves together")
    parser.add_argument("--flows", type=int, default=10_000_000, help="flows at least, in both halves together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=3, help="workers at work where the engine is a process of its own")
    parser.add_argument("--only", choices=("embedded", "served"), default="", help="one half alone")
    parser.add_argument("--output", type=Path, default=Path(".cache/soak.json"), help="the figures as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
