"""What a fault is, the table that faults are entered into, and what many of them need."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.bench import LONGEST_CREW, LOOK_SECONDS, SESSION_SECONDS, Bench
from tests.support.processes import wait_for

Act = Callable[[Bench, random.Random], None]


@dataclass(frozen=True)
class Fault:
    """`kills`: processes that get SIGKILL, at least. `served`: only where the engine is a process of its own, and workers are several."""

    name: str
    act: Act
    kills: int = 0
    served: bool = False
    weight: float = 1.0


FAULTS: dict[str, Fault] = {}


def fault(name: str, *, kills: int = 0, served: bool = False, weight: float = 1.0) -> Callable[[Act], Act]:
    """Enters a function into the table. Its fault strikes and has ended when it returns."""

    def enter(act: Act) -> Act:
        FAULTS[name] = Fault(name, act, kills, served, weight)
        return act

    return enter


def staying(armed: int, crew_size: int) -> int:
    """How many of a crew stay where so many others come to die: of more than half as many workers as there are partitions, some would
    have nothing to do. A worker with the engine inside is alone.
    """
    return min(crew_size, max(1, LONGEST_CREW - armed)) if crew_size > 1 else 0


def keep_busy(bench: Bench, condition: Callable[[], bool], what: str) -> None:
    """Until the condition holds; a further window whenever nothing is left to do."""
    due = time.monotonic() + 1

    def held() -> bool:
        nonlocal due
        if condition():
            return True
        if time.monotonic() > due:
            if not bench.watch.lag():
                bench.feed()
            due = time.monotonic() + 1
        return False

    try:
        wait_for(held, 120, what, every=LOOK_SECONDS)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{bench.last_words()}") from None


def instant(chance: random.Random) -> None:
    """A moment that nothing announces."""
    time.sleep(chance.uniform(0, 0.4))


def sleep_through_session() -> None:
    """The outage itself: longer than the group waits for a member."""
    time.sleep(SESSION_SECONDS * 1.5)
