"""The passes of a replay share out every line once, and pacing keeps the recording's own time."""

from __future__ import annotations

import threading

import orjson
from hypothesis import given
from hypothesis import strategies as st

from schemas.records.ip_event import IpEvent
from weir.recording.playback import due_us, in_time_order, only_early, only_late, paced

KINDS = st.sampled_from(["flow", "heartbeat", "ip_event", "loss", 'heartbeat"', "", None])
LINES = st.one_of(
    st.fixed_dictionaries({"kind": KINDS, "local_workload": st.sampled_from(["heartbeat", "ip_event", "a"])}).map(orjson.dumps),
    st.binary(max_size=30),
    st.sampled_from([b'["heartbeat"]', b'{"kind": "heartbeat"', b'{"kind": ["heartbeat"]}', b"\n"]),
)


def event(at_us: int) -> IpEvent:
    return IpEvent("default", bytes(16), "w", True, at_us)


class Clock:
    """Says so: a clock of the test's own, and an event whose waiting moves it."""

    def __init__(self, stop_at: float = float("inf")) -> None:
        self.now_s = 100.0
        self.stop_at = stop_at

    def now(self) -> float:
        return self.now_s

    def wait(self, timeout: float) -> bool:
        self.now_s += timeout
        return self.is_set()

    def is_set(self) -> bool:
        return self.now_s >= self.stop_at


@given(st.lists(LINES))
def test_each_line_is_in_one_pass_and_keeps_its_number(lines: list[bytes]) -> None:
    early, late = list(only_early(lines)), list(only_late(lines))
    assert [a or b for a, b in zip(early, late, strict=True)] == lines
    assert not any(a and b for a, b in zip(early, late, strict=True))
    for line in filter(None, early):
        assert orjson.loads(line)["kind"] in ("heartbeat", "ip_event")


def test_heartbeats_and_events_go_first() -> None:
    lines = [orjson.dumps({"kind": kind}) for kind in ("flow", "heartbeat", "loss", "ip_event")]
    assert [bool(line) for line in only_early(lines)] == [False, True, False, True]


@given(st.lists(st.integers(0, 50)), st.integers(1, 60))
def test_a_bounded_look_ahead_orders_and_loses_nothing(instants: list[int], look_ahead: int) -> None:
    out = [due_us(item) for item in in_time_order(map(event, instants), look_ahead)]
    assert sorted(out) == sorted(instants)
    if look_ahead >= len(instants):
        assert out == sorted(instants)


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=30), st.sampled_from([0.5, 1.0, 10.0]))
def test_items_are_played_at_their_time(instants: list[int], speed: float) -> None:
    clock = Clock()
    played = [(clock.now_s, due_us(item)) for item in paced(map(event, instants), speed, clock, clock.now)]  # type: ignore[arg-type]
    first = min(instants)
    assert len(played) == len(instants)
    assert all(abs((now - 100.0) - (due - first) / 1e6 / speed) < 1e-6 for now, due in played)


def test_stop_ends_a_paced_replay_before_the_next_item() -> None:
    clock = Clock(stop_at=150.0)
    played = list(paced(map(event, (0, 40_000_000, 60_000_000, 61_000_000)), 1.0, clock, clock.now))  # type: ignore[arg-type]
    assert [due_us(item) for item in played] == [0, 40_000_000]


def test_the_real_event_is_accepted() -> None:
    assert len(list(paced([event(0), event(1_000)], 1.0, threading.Event()))) == 2
