"""Looks at one step after the other, and puts what changes into the log and, behind it, into the table.

1. `recover`: the log is read to its end; its findings are written to the table once more, in case the writer before died between the two.
2. `due`: the next step, once it is complete.
3. `look`: each watch is asked, the changes follow from what it saw (`transitions`, `storm`), and go into the log together with the
   checkpoint, then into the table. What is in the log is what was found: the rest follows from it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter

from schemas.errors import Unavailable, WeirError
from schemas.failpoints import reach
from schemas.records.finding import FindingKey, Sighting
from schemas.records.finding_change import FindingChange, FindingsCheckpoint
from sinks.clickhouse import ClickHouseSink
from sinks.engines.base import Engine
from sinks.engines.errors import TooLong
from sinks.queries.findings import ask_open
from sinks.queries.spans import Oldest, Span
from sinks.queries.status import ask_completeness, ask_oldest
from weir.detector import metrics
from weir.detector.log import Entry, Log, Written
from weir.detector.mutes import Mutes
from weir.detector.state import DAY_US, State
from weir.detector.storm import with_storm
from weir.detector.table import findings_of, rows_of
from weir.detector.transitions import Rules, as_seen, changes_of, refused
from weir.detector.unwritable import Unwritable, writable
from weir.detector.watch import Look, Watch

log = logging.getLogger("weir.detector")

PATIENCE_S = 600
"""A step is looked at when it ended so long before the newest window, whoever has not reported yet."""
AHEAD_S = 60
"""Behind the clock, where a node's clock is ahead of it."""
CATCH_UP_STEPS = 288
OLDEST_SECONDS = 600.0
MICRO = 1_000_000


class Lookout:
    """One thread. `engine` may write. `step_s`: length of a step, aligned to the clock."""

    def __init__(
        self,
        engine: Engine,
        watches: Sequence[Watch],
        journal: Log,
        mutes: Mutes,
        *,
        step_s: int,
        learning_days: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._engine, self._sink = engine, ClickHouseSink(engine)
        self._watches, self._log, self._mutes = watches, journal, mutes
        self._step_s, self._learning_us = step_s, learning_days * DAY_US
        self._clock = clock
        self._seen: dict[FindingKey, Sighting] = {}
        self._unwritable = Unwritable()
        self._oldest: Oldest = {}
        self._oldest_until = 0.0
        self._adopted: tuple[FindingChange, ...] = ()
        self.state = State()

    def recover(self) -> Written:
        """All of the log. Raises Unavailable."""
        written = self._log.read()
        state = State()
        for at_us, step in groupby((entry.change for entry in written.entries), attrgetter("at_us")):
            state = state.after(tuple(step), FindingsCheckpoint(at_us, 0))
        if written.checkpoint is not None:
            state = state.after((), written.checkpoint)
        else:
            self._adopted = writable(findings_of(ask_open(self._engine.ask)))
            state = State({change.finding.key: change for change in self._adopted})
        self.state = state
        self._write([entry.change for entry in written.entries])
        self._measure()
        return written

    def due(self) -> Span | None:
        """The next step to look at, if it is complete. The first is the last one that is complete. Raises Unavailable."""
        end_s = self._reached_s() // self._step_s * self._step_s
        done_s = self.state.checkpoint.at_us // MICRO if self.state.checkpoint else end_s - self._step_s
        next_s = (done_s // self._step_s + 1) * self._step_s
        if next_s > end_s or not end_s:
            return None
        if (missed := (end_s - next_s) // self._step_s + 1 - CATCH_UP_STEPS) > 0:
            log.warning("%d steps are not looked at: the last one looked at is too long ago.", missed)
            metrics.SKIPPED.inc(missed)
            next_s += missed * self._step_s
        return Span(next_s - self._step_s, next_s)

    def look(self, step: Span) -> tuple[Entry, ...]:
        """What changed in the step, as it stands in the log. Raises Unavailable: then the log is to be opened and read again."""
        begun = time.monotonic()
        oldest = self._ask_oldest()
        self._mutes.refresh()
        at_us = step.end_s * MICRO
        since_us = self._tables_since_us(oldest, at_us)
        rules = Rules(since_us + self._learning_us, self._mutes.holds)
        looks = self._looks(step, oldest)
        metrics.REFUSED.inc(refused(self.state, looks))
        changes = with_storm(self.state, changes_of(self.state, looks, self._seen, at_us, rules), at_us, rules)
        entries = self._keep(self._with_adopted(changes), FindingsCheckpoint(at_us, since_us))
        self._remember(looks)
        metrics.STEPS.inc()
        metrics.STEP_SECONDS.inc(time.monotonic() - begun)
        self._measure()
        return entries

    def _keep(self, changes: Sequence[FindingChange], checkpoint: FindingsCheckpoint) -> tuple[Entry, ...]:
        reach("findings.looked")
        entries = self._log.append(changes, checkpoint)
        reach("findings.logged")
        self._adopted = ()
        self.state = self.state.after(changes, checkpoint)
        self._write(changes)
        reach("findings.written")
        return entries

    def _with_adopted(self, changes: Sequence[FindingChange]) -> tuple[FindingChange, ...]:
        """The first step also tells the log what it did not know to be open."""
        changed = {change.finding.key for change in changes}
        return (*changes, *(change for change in self._adopted if change.finding.key not in changed))

    def _looks(self, step: Span, oldest: Oldest) -> tuple[Look, ...]:
        looks = [self._look(watch, step, oldest) for watch in self._watches]
        seen = self._unwritable.without((sighting for look in looks for sighting in look.seen), step.end_s * MICRO)
        return (Look(seen, frozenset().union(*(look.ended for look in looks))),)

    def _look(self, watch: Watch, step: Span, oldest: Oldest) -> Look:
        """What a watch cannot finish changes nothing of its kinds. It is given what is open as last seen, not as last told."""
        opened = {key: as_seen(change.finding, self._seen.get(key), step.start_s * MICRO) for key, change in self._opened(watch)}
        try:
            return watch.look(self._engine.ask, step, oldest, opened)
        except WeirError as error:
            if isinstance(error, Unavailable) and not isinstance(error, TooLong):
                raise
            metrics.WATCH_FAILURES.labels(type(watch).__name__).inc()
            log.warning("%s cannot look at the step that ends at %d: %s", type(watch).__name__, step.end_s, error)
            return Look((), frozenset())

    def _opened(self, watch: Watch) -> Iterator[tuple[FindingKey, FindingChange]]:
        return ((key, change) for key, change in self.state.opened.items() if key.kind in watch.kinds)

    def _remember(self, looks: Sequence[Look]) -> None:
        """The last sightings of what is open."""
        seen = {**self._seen, **{sighting.key: sighting for look in looks for sighting in look.seen}}
        self._seen = {key: sighting for key, sighting in seen.items() if key in self.state.opened}

    def _reached_s(self) -> int:
        """Up to when steps can be looked at; 0: nothing is there."""
        complete = ask_completeness(self._engine.ask)
        reached_s = max(complete.until_s, complete.newest_s - PATIENCE_S)
        now_s = int(self._clock())
        return min(reached_s, now_s if complete.newest_s <= now_s else now_s - AHEAD_S)

    def _ask_oldest(self) -> Oldest:
        if time.monotonic() >= self._oldest_until:
            self._oldest = ask_oldest(self._engine.ask)
            self._oldest_until = time.monotonic() + OLDEST_SECONDS
        return self._oldest

    def _tables_since_us(self, oldest: Oldest, at_us: int) -> int:
        """It does not move with what the tables forget."""
        known = [self.state.checkpoint.tables_since_us] if self.state.checkpoint else []
        return min([*known, *(start_s * MICRO for start_s in oldest.values())], default=at_us)

    def _write(self, changes: Sequence[FindingChange]) -> None:
        self._sink.write_set("findings", rows_of(changes))

    def _measure(self) -> None:
        kinds = [key.kind for key in self.state.opened]
        metrics.OPEN.clear()
        for kind in set(kinds):
            metrics.OPEN.labels(kind).set(kinds.count(kind))
        if self.state.checkpoint:
            metrics.LOOKED_UNTIL.set(self.state.checkpoint.at_us / 1e6)
