"""How many of the messages taken lately could not be used: a wrong schema must not throw a whole topic away, one letter after another.

Counted as messages are taken, before any of them is part of a block. A block that was decided goes its way to the commit, and
holds no message from the one on that tipped it: what comes then is neither put aside nor committed.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from schemas.errors import Unreadable, WeirError
from schemas.instants import format_instant

JUDGED_MESSAGES = 100
"""Fewer say nothing about a topic."""
SAMPLING_SECONDS = 3.0


class _Refused(NamedTuple):
    place: str
    arrived_us: int


class DeadLetterLimit:
    """The last `JUDGED_MESSAGES` messages. `share`: how many of them may be unreadable; 1: all."""

    def __init__(self, share: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._share = share
        self._clock = clock
        self._since = clock()
        self._last: deque[_Refused | None] = deque(maxlen=JUDGED_MESSAGES)
        self._refused = 0
        self._verdict: WeirError | None = None
        self._lock = threading.Lock()  # messages are noted by the event loop, and by the thread that looks for one to blame

    @property
    def share(self) -> float:
        return self._refused / len(self._last) if self._last else 0.0

    def note(self, place: str, arrived_us: int, reason: Unreadable | None) -> None:
        """One more message was taken; `reason`: why it cannot be used."""
        with self._lock:
            if len(self._last) == JUDGED_MESSAGES and self._last[0] is not None:
                self._refused -= 1
            self._last.append(None if reason is None else _Refused(place, arrived_us))
            self._refused += reason is not None
            if reason is not None and self._verdict is None and len(self._last) == JUDGED_MESSAGES and self.share > self._share:
                self._verdict = WeirError(self._sentence(place, reason))

    def check(self) -> None:
        """Raises WeirError, once more messages were refused than may be: nothing that is not decided yet may be applied."""
        if self._verdict is not None:
            raise self._verdict

    @property
    def sampling(self) -> bool:
        """Whether it is too early for a judgement: an unreadable message waits. A worker that is started again and again must not
        put aside every time what it takes before it has seen enough.
        """
        return len(self._last) < JUDGED_MESSAGES and self._clock() - self._since < SAMPLING_SECONDS

    def forget(self) -> None:
        """Messages are about to be taken anew: the partitions were assigned again."""
        with self._lock:
            self._since = self._clock()
            self._last.clear()
            self._refused = 0

    def _sentence(self, place: str, reason: Unreadable) -> str:
        first = next(refused for refused in self._last if refused is not None)
        since = f"{first.place} of {format_instant(first.arrived_us)}"
        return (
            f"{self._refused} of the last {JUDGED_MESSAGES} messages cannot be used, more than WEIR_DEAD_LETTER_SHARE={self._share:g} "
            f"allows, since {since}; the last one, {place}, and what follows it were left where they are: {str(reason).rstrip('.')}. "
            "Upgrade this worker or mend what sends them, or set WEIR_DEAD_LETTER_SHARE=1 to put all of them aside."
        )
