"""Hundreds of kills under millions of flows: `make soak`. A part of it with the engine inside the worker, the rest with it apart, both
at the same time: much of either is waiting.

Prints a table at the end, writes the same as JSON, and ends with status 1 where anything was lost, doubled or misnamed, or a
failpoint not hit.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.bench.say import say
from tests.faults.plan import long_plan
from tests.faults.report import never_hit, table, total, write
from tests.faults.run import Outcome, carry_out, recent_shape

NODES = 20
MESSAGE_FLOWS = 2_000
RECORDED = 20
"""One node in so many whose flows a worker has to remember one by one."""
SHARES = {"embedded": 0.3, "served": 0.7}
"""Of the kills: where the engine is in the one worker, nobody else recovers meanwhile, and each kill takes its time alone."""


def main() -> None:
    given = _arguments()
    layouts = [layout for layout in SHARES if given.only in ("", layout)]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor() as pool:
        runs = [pool.submit(_soak, given, Path(folder) / layout, layout, len(layouts)) for layout in layouts]
    outcomes = [run.result() for run in runs if run.exception() is None]
    say("", *table(outcomes), "", *total(outcomes))
    write(outcomes, given.output)
    for run in runs:
        run.result()  # raises where a part did not get to its end
    missed = never_hit(outcomes)
    say("", f"Failpoints never hit: {', '.join(missed) or 'none'}.")
    sys.exit(0 if not missed and all(outcome.clean for outcome in outcomes) else 1)


def _soak(given: argparse.Namespace, folder: Path, layout: str, of: int) -> Outcome:
    embedded = layout == "embedded"
    crew_size = 1 if embedded else given.workers
    steps = long_plan(given.seed, round(given.kills * (SHARES[layout] if of > 1 else 1)), served=not embedded, crew_size=crew_size)
    each = -(-given.flows // of // (len(steps) + 1) // NODES)
    messages = -(-each // MESSAGE_FLOWS)
    shape = recent_shape(given.seed, 3 * len(steps), each, -(-each // messages), nodes=NODES, recorded=RECORDED)
    say(f"{layout}: {len(steps)} faults, {shape.flows_a_window:,} flows and more between two")
    try:
        return carry_out(folder, shape, steps, embedded=embedded, crew_size=crew_size, say=lambda line: say(f"{layout:8} {line}"))
    except BaseException as error:
        say(f"{layout} ends here: {error}")  # the other part goes on to its end
        raise


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="SIGKILLs at least, in both parts together")
    parser.add_argument("--flows", type=int, default=10_000_000, help="flows at least, in both parts together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=4, help="workers at work where the engine is a process of its own")
    parser.add_argument("--only", choices=tuple(SHARES), default="", help="one part alone")
    parser.add_argument("--output", type=Path, default=Path(".cache/soak.json"), help="the figures as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
