"""`weir detector` over a story's watch, made to die at a failpoint, or not: arguments SEED STEPS EACH POINT NUMBER
LOOKED, of which the last is a file that tells to which step it has come.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from schemas import failpoints
from schemas.records.finding import Finding, FindingKey
from sinks.queries.edges import Ask
from sinks.queries.spans import Oldest, Span
from tests.simulator.answers.delivery import START_S, STEP_S, Story, StoryWatch
from weir import cli
from weir.detector import outbox, run, watches
from weir.detector.alertmanager import Alertmanager
from weir.detector.watch import Look


@dataclass(frozen=True)
class Telling(StoryWatch):
    looked: Path = Path()

    def look(self, ask: Ask, step: Span, oldest: Oldest, opened: Mapping[FindingKey, Finding]) -> Look:
        self.looked.write_text(str((step.end_s - START_S) // STEP_S))
        return super().look(ask, step, oldest, opened)


def main() -> None:
    seed, steps, each, point, number, looked = sys.argv[1:7]
    story = Story(int(seed), int(steps), int(each))
    watches.every_watch = lambda: (Telling(story, looked=Path(looked)),)
    run.LOOK_SECONDS = 0.02
    run.RETRY_SECONDS = (0.1, 0.2)
    outbox.LONGEST_SECONDS = 0.1
    Alertmanager.again_seconds = 0.5
    reached = 0

    def die(name: str) -> None:
        nonlocal reached
        reached += name == point
        if reached == int(number):
            os.kill(os.getpid(), signal.SIGKILL)

    if point != "never":
        failpoints.arm(die)
    sys.exit(cli.run(["detector"]))


if __name__ == "__main__":
    main()
