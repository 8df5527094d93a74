"""Looks, step by step, over tables that say what is complete; and a detector that dies at every point of a story."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from schemas.errors import WeirError
from schemas.failpoints import DETECTOR_POINTS
from schemas.records.finding import Finding, FindingKey, Sighting
from schemas.records.finding_change import FindingChange, FindingsCheckpoint
from schemas.wire.finding_codec import encode_change
from sinks.queries.edges import Ask
from sinks.queries.spans import Oldest, Span
from tests.simulator.answers.delivery import START_S, STEP_S, Story, StoryWatch
from tests.weir.detector.fakes import Dead, FakeEngine, FakePositions, FakeReceiver, dying
from tests.weir.detector.words import key
from weir.detector.log import Entry, MemoryLog
from weir.detector.lookout import CATCH_UP_STEPS, Lookout
from weir.detector.metrics import UNWRITABLE
from weir.detector.mutes import Mutes
from weir.detector.notices import Notice
from weir.detector.outbox import Outbox
from weir.detector.watch import Look, Watch

STORY = Story(seed=3, steps=30, each=1)


def lookout(engine: FakeEngine, journal: MemoryLog, *watches: Watch, learning_days: int = 7) -> Lookout:
    made = Lookout(engine, watches, journal, Mutes(None), step_s=STEP_S, learning_days=learning_days, clock=lambda: START_S + 1e9)
    made.recover()
    return made


def test_a_step_is_due_once_it_is_complete_and_the_first_is_the_last_that_is() -> None:
    engine, journal = FakeEngine(5), MemoryLog()
    looking = lookout(engine, journal, StoryWatch(STORY))
    assert (step := looking.due()) == STORY.step(5)
    looking.look(step)
    assert looking.due() is None
    engine.steps = 7
    assert looking.due() == STORY.step(6)


def test_after_a_long_absence_the_last_steps_are_looked_at_alone() -> None:
    engine, journal = FakeEngine(1), MemoryLog()
    looking = lookout(engine, journal)
    looking.look(STORY.step(1))
    engine.steps = 1 + CATCH_UP_STEPS
    assert looking.due() == STORY.step(2)
    engine.steps += 10
    assert looking.due() == STORY.step(12)


def test_no_step_that_lies_ahead_of_the_clock_is_looked_at() -> None:
    engine = FakeEngine(50)
    looking = Lookout(engine, (), MemoryLog(), Mutes(None), step_s=STEP_S, learning_days=0, clock=lambda: START_S + 3 * STEP_S + 90)
    assert looking.due() == STORY.step(3)


def test_what_a_watch_cannot_finish_changes_nothing() -> None:
    class Broken(StoryWatch):
        def look(self, *asked: object) -> object:  # type: ignore[override]
            raise WeirError("It reads more than it may.")

    engine, journal = FakeEngine(1), MemoryLog()
    assert lookout(engine, journal, Broken(STORY)).look(STORY.step(1)) == ()
    assert journal.read().checkpoint is not None


class EncodingLog(MemoryLog):
    """Takes what Kafka's takes."""

    def append(self, changes: Sequence[FindingChange], checkpoint: FindingsCheckpoint) -> tuple[Entry, ...]:
        for change in changes:
            encode_change(change)
        return super().append(changes, checkpoint)


def test_a_sighting_that_no_message_can_hold_is_refused_alone_and_after_a_restart_too(caplog: pytest.LogCaptureFixture) -> None:
    class Garbled(StoryWatch):
        def look(self, ask: Ask, step: Span, oldest: Oldest, opened: Mapping[FindingKey, Finding]) -> Look:
            own = Sighting(key("a"), "warning", step.start_s * 1_000_000, step.end_s * 1_000_000, 1, "{}")
            names = ("a\nb", "b\udc80", "c" * 513, f"good {step.end_s}")
            return Look((*(replace(own, key=key(name)) for name in names), replace(own, key=key("full"), count=2**63)), frozenset())

    engine, journal, before = FakeEngine(1), EncodingLog(), UNWRITABLE._value.get()
    for numbers in ((1, 2), (3,)):
        looking = lookout(engine, journal, Garbled(STORY))
        for number in numbers:
            (entry,) = looking.look(STORY.step(number))
            assert entry.change.finding.key.subject == f"good {STORY.step(number).end_s}"
    assert UNWRITABLE._value.get() - before == 3 * 4
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2  # once a start
    for line in said:
        assert line.startswith("Findings that cannot be written are refused, 4 of them; all others go on: failure of ")
        assert r"'a\nb' holds the control character U+000A" in line and line.endswith("; and 1 more.") and "\n" not in line


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"subject": "a\nb"}, "control character"),
        ({"peer": "x", "evidence": "x" * 65_537}, "65536 are read"),
        ({"severity": "loud"}, "loud"),
    ],
)
def test_a_row_of_the_table_that_no_message_can_hold_is_not_taken_from_it(
    wrong: dict[str, str], why: str, caplog: pytest.LogCaptureFixture
) -> None:
    engine = FakeEngine(1)
    first = lookout(engine, MemoryLog(), StoryWatch(STORY))
    for number in range(1, 8):
        first.look(STORY.step(number))
    opened = [row for row in engine.findings.values() if row["state"] == "open"]
    engine.findings["garbled"] = {**opened[0], "id": "garbled", "subject": "other", **wrong}
    second = lookout(engine, EncodingLog(), StoryWatch(STORY))
    entries = second.look(STORY.step(8))
    assert {entry.change.finding.id for entry in entries} >= {row["id"] for row in opened} and len(opened) > 2
    assert len(caplog.records) == 1 and why in caplog.text and "1 of them" in caplog.text


def test_a_watch_is_given_what_is_open_as_it_last_saw_it() -> None:
    """Though it is told of but once an hour."""
    given: list[str] = []

    class Remembering(StoryWatch):
        def look(self, ask: Ask, step: Span, oldest: Oldest, opened: Mapping[FindingKey, Finding]) -> Look:
            given.extend(finding.evidence for finding in opened.values())
            seen = Sighting(key("a"), "warning", step.start_s * 1_000_000, step.end_s * 1_000_000, 1, f'{{"looks":{len(given)}}}')
            return Look((seen,), frozenset())

    engine, journal = FakeEngine(1), MemoryLog()
    looking = lookout(engine, journal, Remembering(STORY))
    for number in range(1, 5):
        looking.look(STORY.step(number))
    assert given == ['{"looks":0}', '{"looks":1}', '{"looks":2}'] and len(journal.read().entries) == 1


def test_findings_of_a_log_that_was_lost_are_taken_from_the_table() -> None:
    engine, journal = FakeEngine(1), MemoryLog()
    first = lookout(engine, journal, StoryWatch(STORY))
    for number in range(1, 8):
        first.look(STORY.step(number))
    known = {change.finding.id for change in first.state.opened.values()}
    assert len(known) > 2
    empty = MemoryLog()
    second = lookout(engine, empty, StoryWatch(STORY))
    second.look(STORY.step(8))
    told = {entry.change.finding.id for entry in empty.read().entries}
    assert known <= told
    for number in range(9, STORY.steps + 1):
        second.look(STORY.step(number))
    assert {row["state"] for row in engine.findings.values()} == {"closed"}


def test_learning_goes_by_the_oldest_row_ever_seen() -> None:
    engine, journal = FakeEngine(1), MemoryLog()
    looking = lookout(engine, journal, StoryWatch(STORY), learning_days=31)
    looking.look(STORY.step(5))
    assert {entry.change.withheld for entry in journal.read().entries} == {"learning"}


class Lives:
    """One story, told by detectors that die at the points of a list, one after the other; each goes on from what outlived the last."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.engine, self.journal = FakeEngine(1), MemoryLog()
        self.receiver, self.positions = FakeReceiver(), FakePositions()
        self.deaths: Counter[str] = Counter()

    def live(self, dies_after: int) -> bool:
        """Whether it came to the story's end. The outbox is driven by this thread."""
        with dying(dies_after) as reached, suppress(Dead):
            looking = lookout(self.engine, self.journal, StoryWatch(self.story))
            outbox = Outbox(self.receiver, self.positions, looking.recover())
            for number in range(1, self.story.steps + 1):
                self.engine.steps = max(self.engine.steps, number)
                while step := looking.due():
                    outbox.add(looking.look(step))
                drain(outbox)
            return True
        self.deaths[reached[-1]] += 1
        return False

    @property
    def changes(self) -> list[FindingChange]:
        return [entry.change for entry in self.journal.read().entries]


def drain(outbox: Outbox) -> None:
    """What its thread does, until nothing waits."""
    while outbox.pending:
        outbox.deliver()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_each_finding_opens_and_closes_once_whoever_dies_where(seed: int) -> None:
    undisturbed, lives, chance = Lives(STORY), Lives(STORY), random.Random(seed)
    assert undisturbed.live(0)
    while not lives.live(chance.randint(1, 9)):
        pass
    assert set(lives.deaths) == set(DETECTOR_POINTS) - {"findings.sent"}  # which Kafka's log reaches
    assert opened_and_closed(lives.changes) == opened_and_closed(undisturbed.changes)
    assert first_keys(lives.receiver.got) == first_keys(undisturbed.receiver.got)
    assert {its: row["state"] for its, row in lives.engine.findings.items()} == dict.fromkeys(undisturbed.engine.findings, "closed")


def opened_and_closed(changes: list[FindingChange]) -> Counter[tuple[str, str]]:
    found = Counter((change.change, change.finding.id) for change in changes if change.change != "updated")
    assert set(found.values()) == {1}
    return found


def first_keys(notices: list[Notice]) -> list[str]:
    """Each once, in the order in which they came first."""
    return list(dict.fromkeys(notice.key for notice in notices))


def test_a_file_of_mutes_that_cannot_be_used_is_said_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(WeirError, match="cannot be read"):
        Mutes(tmp_path / "absent.toml")


def test_spans_of_a_story_touch() -> None:
    assert STORY.step(2) == Span(STORY.step(1).end_s, STORY.step(1).end_s + STEP_S)
