"""From sightings to changes: what opens, stays, closes and comes back; the laws that hold whatever is seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records.finding import FindingKey, Sighting
from schemas.records.finding_change import EVIDENCE_BYTES, FindingChange, FindingsCheckpoint
from tests.weir.detector.words import STEP_US, TOLD, at, key, look, sighting
from weir.detector.state import DAY_US, HOUR_US, State
from weir.detector.storm import KEY, STORM_LIMIT, with_storm
from weir.detector.transitions import COOL_DOWN_US, OPEN_LIMIT, TOO_LONG, Rules, changes_of, refused
from weir.detector.watch import Look


def stepped(state: State, step: int, *looks: Look, rules: Rules = TOLD) -> tuple[State, tuple[FindingChange, ...]]:
    """As a detector does it that remembers no sightings."""
    changes = with_storm(state, changes_of(state, looks, {}, at(step), rules), at(step), rules)
    return state.after(changes, FindingsCheckpoint(at(step), 0)), changes


def told(changes: Sequence[FindingChange]) -> list[tuple[str, str, str]]:
    return [(change.change, change.finding.key.subject, change.withheld) for change in changes]


def test_what_is_seen_opens_once_and_closes_once() -> None:
    state, opened = stepped(State(), 1, look([sighting("a", 1)]))
    state, silent = stepped(state, 2, look([sighting("a", 2, count=9)]))
    state, closed = stepped(state, 3, look(ended=["a"]))
    assert told([*opened, *silent, *closed]) == [("opened", "a", ""), ("closed", "a", "")]
    assert opened[0].finding.id == closed[0].finding.id
    assert (closed[0].finding.state, closed[0].finding.version, state.opened) == ("closed", at(3), {})


def test_what_is_in_neither_stays_as_it_was() -> None:
    state, _ = stepped(State(), 1, look([sighting("a", 1)]))
    for step in range(2, 280):
        state, changes = stepped(state, step, look())
        assert changes == ()
    assert key("a") in state.opened


def test_an_update_comes_with_another_severity_and_each_hour() -> None:
    state, _ = stepped(State(), 1, look([sighting("a", 1)]))
    state, raised = stepped(state, 2, look([sighting("a", 2, "critical", count=5)]))
    assert told(raised) == [("updated", "a", "")] and (raised[0].finding.severity, raised[0].finding.count) == ("critical", 5)
    steps = [step for step in range(3, 30) if (stepping := stepped(state, step, look([sighting("a", step, "critical")])))[1]]
    assert steps[0] == 2 + HOUR_US // STEP_US and stepping


def test_what_is_open_and_not_seen_is_told_again_each_day() -> None:
    state, _ = stepped(State(), 1, look([sighting("a", 1)]))
    _, before = stepped(state, DAY_US // STEP_US, look())
    _, after = stepped(state, 1 + DAY_US // STEP_US, look())
    assert (told(before), told(after)) == ([], [("updated", "a", "")])


def test_a_key_that_comes_back_has_another_id_and_not_within_the_cool_down() -> None:
    state, opened = stepped(State(), 1, look([sighting("a", 1)]))
    state, _ = stepped(state, 2, look(ended=["a"]))
    pause = COOL_DOWN_US // STEP_US
    for step in range(3, 2 + pause):
        state, flapping = stepped(state, step, look([sighting("a", step)]))
        assert flapping == ()
    _, again = stepped(state, 2 + pause, look([sighting("a", 2 + pause, since_step=1)]))
    assert told(again) == [("opened", "a", "")] and again[0].finding.id != opened[0].finding.id
    assert again[0].finding.first_seen_us >= at(2)


def test_in_the_time_of_learning_nothing_is_told_and_never_afterwards() -> None:
    learning = Rules(at(3), lambda key, at_us: False)
    state, changes = stepped(State(), 1, look([sighting("a", 1)]), rules=learning)
    assert told(changes) == [("opened", "a", "learning")]
    state, changes = stepped(state, 20, look([sighting("a", 20), sighting("b", 20)]), rules=learning)
    assert told(changes) == [("updated", "a", "learning"), ("opened", "b", "")]


def test_what_is_muted_is_told_when_the_mute_has_ended() -> None:
    rules = Rules(0, lambda muted, at_us: muted == key("a") and at_us < at(3))
    state, first = stepped(State(), 1, look([sighting("a", 1), sighting("b", 1)]), rules=rules)
    assert told(first) == [("opened", "a", "muted"), ("opened", "b", "")]
    state, _ = stepped(state, 2, look(), rules=rules)
    _, released = stepped(state, 3, look(), rules=rules)
    assert told(released) == [("updated", "a", "")]


def test_there_is_room_for_so_many_and_the_gravest_come_first() -> None:
    many = look([sighting(f"w{number:05}", 1) for number in range(OPEN_LIMIT)] + [replace(sighting("z", 1), severity="critical")])
    state, changes = stepped(State(), 1, many)
    assert len(state.opened) == OPEN_LIMIT + 1  # with the storm
    assert key("z") in state.opened and refused(State(), [many]) == 1


def test_evidence_that_is_too_long_is_left_out() -> None:
    _, changes = stepped(State(), 1, look([replace(sighting("a", 1), evidence="x" * (EVIDENCE_BYTES + 1))]))
    assert changes[0].finding.evidence == TOO_LONG


def test_a_storm_is_one_finding() -> None:
    state, calm = stepped(State(), 1, look([sighting(f"a{number}", 1) for number in range(STORM_LIMIT)]))
    assert {change.withheld for change in calm} == {""}
    state, storm = stepped(state, 2, look([sighting("b", 2), sighting("c", 2)]))
    assert told(storm) == [("opened", "b", "storm"), ("opened", "c", "storm"), ("opened", "", "")]
    assert storm[-1].finding.key == KEY and storm[-1].finding.count == 2
    state, more = stepped(state, 3, look([sighting("d", 3)]))
    assert told(more) == [("opened", "d", "storm")]
    hour = HOUR_US // STEP_US
    state, over = stepped(state, 3 + hour, look(ended=["b"]))
    assert told(over) == [("closed", "b", "storm"), ("updated", "c", ""), ("updated", "d", ""), ("closed", "", "")]
    assert KEY not in state.opened


def test_twenty_within_an_hour_are_told_and_the_next_is_a_storm() -> None:
    """As docs/answers.md says, in its own numbers."""
    state, twenty = stepped(State(), 1, look([sighting(f"a{number}", 1) for number in range(20)]))
    assert len(twenty) == 20 and {change.withheld for change in twenty} == {""}
    _, next_one = stepped(state, 2, look([sighting("b", 2)]))
    assert told(next_one) == [("opened", "b", "storm"), ("opened", "", "")]
    _, at_once = stepped(State(), 1, look([sighting(f"a{number}", 1) for number in range(21)]))
    assert [change.finding.key.kind for change in at_once if not change.withheld] == ["storm"]


def test_a_storm_lasts_while_much_of_it_is_open() -> None:
    state, _ = stepped(State(), 1, look([sighting(f"a{number:02}", 1) for number in range(STORM_LIMIT + 5)]))
    for step in range(2, 40):
        state, _ = stepped(state, step, look())
    assert KEY in state.opened
    _, over = stepped(state, 40, look(ended=[f"a{number:02}" for number in range(5)]))
    assert sum(change.change == "updated" and not change.withheld for change in over) == STORM_LIMIT
    assert over[-1].change == "closed" and over[-1].finding.key == KEY


subjects = st.sampled_from([f"w{number}" for number in range(6)])
severities = st.sampled_from(["info", "warning", "critical"])
steps = st.lists(
    st.tuples(
        st.integers(1, 15),  # steps since the last
        st.lists(st.tuples(subjects, severities, st.integers(0, 400)), max_size=5),
        st.lists(subjects, max_size=3),
        st.lists(subjects, max_size=3),  # muted
        st.integers(0, 30),  # others that are new
    ),
    max_size=25,
)


@settings(max_examples=60)
@given(steps)
def test_laws(story: list[tuple[int, list[tuple[str, str, int]], list[str], list[str], int]]) -> None:
    """An id opens first and once, closes last and once; a key is open once; what is told stays told; the state is in the log."""
    state, written, step = State(), [], 0
    for pause, seen, ended, mutes, others in story:
        step += pause
        sightings: list[Sighting] = [replace(sighting(one, step, since_step=step - ago), severity=grave) for one, grave, ago in seen]  # type: ignore[arg-type]
        sightings += [sighting(f"new-{step}-{number}", step) for number in range(others)]
        rules = Rules(at(10), muting(mutes))
        state, changes = stepped(state, step, look(sightings, ended), rules=rules)
        written.append((changes, FindingsCheckpoint(at(step), 0)))
    check_lives([change for changes, _ in written for change in changes])
    again = State()
    for changes, checkpoint in written:
        again = again.after(changes, checkpoint)
    assert again == state


def muting(subjects: Sequence[str]) -> Callable[[FindingKey, int], bool]:
    muted = frozenset(map(key, subjects))
    return lambda one, at_us: one in muted


def check_lives(changes: Sequence[FindingChange]) -> None:
    lives: dict[str, list[FindingChange]] = {}
    opened: dict[FindingKey, str] = {}
    for change in changes:
        finding = change.finding
        if change.change == "opened":
            assert finding.key not in opened
            opened[finding.key] = finding.id
        assert opened[finding.key] == finding.id
        if change.change == "closed":
            del opened[finding.key]
        lives.setdefault(finding.id, []).append(change)
        assert finding.first_seen_us <= finding.last_seen_us <= finding.version
    for life in lives.values():
        kinds = [change.change for change in life]
        assert kinds[0] == "opened" and "opened" not in kinds[1:] and "closed" not in kinds[:-1]
        versions = [change.finding.version for change in life]
        assert versions == sorted(set(versions))
        withheld = [bool(change.withheld) for change in life]
        assert withheld == sorted(withheld, reverse=True)
