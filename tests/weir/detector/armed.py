"""`weir detector` over a story's watch, made to die at a failpoint, or not: arguments SEED STEPS EACH POINT NUMBER."""

from __future__ import annotations

import os
import signal
import sys

from schemas import failpoints
from tests.simulator.answers.delivery import Story, StoryWatch
from weir import cli
from weir.detector import outbox, run, watches
from weir.detector.alertmanager import Alertmanager


def main() -> None:
    seed, steps, each, point, number = sys.argv[1:6]
    story = Story(int(seed), int(steps), int(each))
    watches.every_watch = lambda: (StoryWatch(story),)  # type: ignore[assignment]
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
