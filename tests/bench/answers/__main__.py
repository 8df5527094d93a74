"""The answers against a known truth: `make bench-answers SEED=n` prints what was aimed at beside what was found."""

from __future__ import annotations

import argparse
import time
from importlib import import_module

from tests.bench.console.report import Figure, table
from tests.bench.machine import machine
from tests.bench.say import say

ANSWERS = ("path", "health", "delivery", "cost", "security", "segments", "forecast", "speed")
"""A module of each has `measure(seed)`, which gives figures."""


def main() -> None:
    given = _arguments()
    say("", machine(), f"Seed {given.seed}.", "")
    figures: list[Figure] = []
    for name in given.answers or ANSWERS:
        begun = time.monotonic()
        for figure in import_module(f"tests.bench.answers.{name}").measure(given.seed):
            figures.append(figure)
            say(f"{figure.name}: {figure.found}")
        say(f"({name}: {time.monotonic() - begun:.0f} s)")
    say("", *table(figures))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the simulators")
    parser.add_argument("answers", nargs="*", help=f"which; absent: all of {', '.join(ANSWERS)}")
    return parser.parse_args()


if __name__ == "__main__":
    main()
