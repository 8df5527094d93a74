"""Laws of leases: whatever is lost, late or repeated, a map with leases knows what each heartbeat by itself would have taught."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records.flow_batch import HEARTBEAT_DTYPES, FlowBatch, HeartbeatColumns, empty_flows
from schemas.records.ip_event import IpEvent
from schemas.records.ownership_changes import OwnershipChanges, OwnershipLeases
from streams.ownership import evidence, hearing
from streams.ownership import told as told_of
from streams.ownership.hearing import BatchHearing
from streams.ownership.leases import HoldingHashes, LeaseTable, Members
from streams.ownership.map import OwnershipMap
from streams.ownership.observations import concat, from_flows, from_heartbeats
from streams.ownership.ragged import RaggedArray
from streams.ownership.saying import leases_told, whole_slices
from streams.ownership.told import learn_told
from tests.streams.ownership.test_map import everything
from tests.streams.support import address, flows, nodes_behind, whos

WINDOW = 5
ADDRESSES = 5
Told = OwnershipChanges | OwnershipLeases


def a_map() -> OwnershipMap:
    return OwnershipMap(gap_us=9, skew_us=3, margin_us=-3, window_us=WINDOW)


@dataclass
class Teller:
    """A worker that hears the batches, and what it says of them."""

    known: OwnershipMap = field(default_factory=a_map)

    def __post_init__(self) -> None:
        self.hearing = BatchHearing(self.known, "default")

    def hear(self, batches: list[FlowBatch]) -> list[Told]:
        changes, spoken = self.hearing.hear(batches)
        return [*changes, leases_told(self.known, spoken)]


@dataclass
class Listener:
    known: OwnershipMap = field(default_factory=a_map)

    def __post_init__(self) -> None:
        self.hashes = HoldingHashes(self.known.names)

    def hear(self, told: list[Told]) -> None:
        learn_told(self.known, self.hashes, told)


@dataclass(frozen=True)
class Beat:
    owner: str
    ip: int
    port: int
    start: int
    end: int


def a_batch(node: str, part: int, window: int, beats: list[Beat], seen: int) -> FlowBatch:
    names = tuple(sorted({beat.owner for beat in beats} | {"visitor"}))
    columns = {name: np.zeros(len(beats), dtype) for name, dtype in HEARTBEAT_DTYPES.items()}
    columns["ip"] = np.frombuffer(b"".join(address(beat.ip) for beat in beats), np.uint8).reshape(-1, 16)
    columns["workload"] = np.array([names.index(beat.owner) for beat in beats], np.uint32)
    columns["port"] = np.array([beat.port for beat in beats], np.uint16)
    columns["protocol"] = np.array([6 * (beat.port > 0) for beat in beats], np.uint8)
    columns["start_us"] = np.array([beat.start for beat in beats], np.int64)
    columns["end_us"] = np.array([beat.end for beat in beats], np.int64)
    sent = empty_flows()
    if seen:
        sent = flows([1], workload=names.index("visitor"), start_us=window * WINDOW + 1)
        sent.local_ip[:] = np.frombuffer(address(seen), np.uint8)
    return FlowBatch(node, 1, 0, "eu", "", window * WINDOW, 5, part, 2, names, sent, HeartbeatColumns(**columns))


def fleet(chance: random.Random, windows: int) -> list[FlowBatch]:
    """Two nodes of two slices each. Most windows repeat the last; in others addresses come, go, move and change hands, or part of a window
    is claimed only.
    """
    held: dict[tuple[str, int], dict[tuple[int, int], str]] = {(node, part): {} for node in "xy" for part in (0, 1)}
    batches = []
    for window in range(windows):
        for (node, part), holdings in held.items():
            for _ in range(chance.choice([0, 0, 0, 1, 2])):
                place = chance.randint(1, ADDRESSES), chance.choice([0, 0, 80])
                holdings[place] = chance.choice(["A", "B", "node/x"])
            if holdings and chance.random() < 0.2:
                holdings.pop(chance.choice(list(holdings)))
            if chance.random() < 0.05:
                holdings.clear()
            span = window * WINDOW, window * WINDOW + WINDOW
            beats = [Beat(owner, ip, port, *span) for (ip, port), owner in holdings.items()]
            if beats and chance.random() < 0.2:
                odd = chance.randrange(len(beats))
                start, end = span[0] + chance.choice([-7, -2, 0, 1, 3]), span[1] + chance.choice([0, -1, 2])
                beats[odd] = Beat(beats[odd].owner, beats[odd].ip, beats[odd].port, max(0, start), end)
            if beats and chance.random() < 0.1:
                beats.append(Beat(chance.choice("AB"), beats[0].ip, beats[0].port, *span))
            batches.append(a_batch(node, part, window, beats, chance.choice([0] * 8 + [1, 2])))
    return batches


def delivered(chance: random.Random, batches: list[FlowBatch], trouble: float) -> list[FlowBatch]:
    """Some lost, some twice, some late."""
    arrived = [(place + (chance.random() < trouble) * chance.randint(0, 30), batch) for place, batch in enumerate(batches)]
    arrived += [(place + chance.randint(0, 30), batch) for place, batch in enumerate(batches) if chance.random() < trouble]
    kept = [one for one in arrived if chance.random() >= trouble]
    return [batch for _, batch in sorted(kept, key=lambda one: one[0])]


def plainly(batches: list[FlowBatch], events: list[IpEvent]) -> OwnershipMap:
    known = a_map()
    known.learn(concat(from_heartbeats(batches), from_flows(batches)))
    known.learn_events(events)
    return known


def timeline(known: OwnershipMap, from_us: int = -4) -> list[list[str]]:
    spans = [(at, at + length) for at in range(from_us, 84, 3) for length in (0, 5)]
    return [whos(known, spans, address(ip), port) for ip in range(1, ADDRESSES + 1) for port in (0, 80)]


def nodes(known: OwnershipMap, from_us: int = -4) -> list[list[str]]:
    """The node behind each name of the timeline."""
    spans = [(at, at + length) for at in range(from_us, 84, 3) for length in (0, 5)]
    return [nodes_behind(known, spans, address(ip), port) for ip in range(1, ADDRESSES + 1) for port in (0, 80)]


def named(known: OwnershipMap, from_us: int) -> list[list[str]]:
    """The timeline, whatever the reasons are: that an address was shared is remembered after its ports are forgotten."""
    return [["" if name in ("(gap)", "(unknown)", "(shared)") else name for name in row] for row in timeline(known, from_us)]


def assert_same(known: OwnershipMap, other: OwnershipMap) -> None:
    assert everything(known) == everything(other)
    assert timeline(known) == timeline(other)
    assert nodes(known) == nodes(other)
    assert known.size == other.size


def claims(known: OwnershipMap) -> set[tuple[object, ...]]:
    """Every instant that heartbeats are said to have spoken of."""
    return {(*row[:5], row[8], at) for row in everything(known) if row[7] == "heartbeat" for at in range(row[5], row[6])}  # type: ignore[call-overload]


def some_events(chance: random.Random) -> list[IpEvent]:
    return [
        IpEvent("default", address(chance.randint(1, ADDRESSES)), chance.choice("ABL"), chance.random() < 0.7, chance.randint(0, 60))
        for _ in range(chance.choice([0, 0, 1, 4]))
    ]


seeds = st.integers(0, 2**32).map(random.Random)
troubles = st.sampled_from([0.0, 0.0, 0.1, 0.3])


@settings(max_examples=60, deadline=None)
@given(seeds, troubles, st.integers(1, 9))
def test_a_map_with_leases_knows_what_each_heartbeat_would_have_taught(chance: random.Random, trouble: float, size: int) -> None:
    batches, events = delivered(chance, fleet(chance, 12), trouble), some_events(chance)
    teller, at = Teller(), chance.randint(0, 40)
    for first in range(0, len(batches), size):
        teller.hear(batches[first : first + size])
        if first <= at < first + size:
            teller.known.learn_events(events)
    if at >= len(batches):
        teller.known.learn_events(events)
    assert_same(teller.known, plainly(batches, events))


def rounds(chance: random.Random, teller: Teller, batches: list[FlowBatch], size: int) -> list[list[Told]]:
    """What the teller says after each part that it hears."""
    return [teller.hear(batches[first : first + size]) for first in range(0, len(batches), size)]


@settings(max_examples=40, deadline=None)
@given(seeds, troubles, st.integers(1, 9))
def test_a_listener_knows_what_the_teller_knows(chance: random.Random, trouble: float, size: int) -> None:
    batches = delivered(chance, fleet(chance, 12), trouble)
    teller, listener = Teller(), Listener()
    for told in rounds(chance, teller, batches, size):
        listener.hear(told)
        if chance.random() < 0.2:
            listener.hear(told)
    assert_same(listener.known, teller.known)


@settings(max_examples=40, deadline=None)
@given(seeds, troubles, st.integers(1, 30))
def test_however_much_is_told_and_heard_at_once(chance: random.Random, trouble: float, size: int) -> None:
    """Messages of a few ranges or of many, learned one after the other or together, teach the same."""
    batches = delivered(chance, fleet(chance, 12), trouble)
    teller, one_by_one, together = Teller(), Listener(), Listener()
    with patch.object(hearing, "_TOLD_ROWS", chance.choice([1, 3, 8_000])), patch.object(hearing, "_ROWS", chance.choice([1, 7, 30_000])):
        said = [message for told in rounds(chance, teller, batches, size) for message in told]
    for message in said:
        one_by_one.hear([message])
    with patch.object(told_of, "_ROWS", chance.choice([0, 5, 50_000])):
        at = 0
        while at < len(said):
            behind = at + chance.randint(1, 20)
            together.hear(said[at:behind])
            at = behind
    assert_same(one_by_one.known, teller.known)
    assert_same(together.known, teller.known)
    for listener in (one_by_one, together):
        assert_consistent(listener.known)


def test_what_changes_many_slices_fits_into_messages() -> None:
    teller = Teller()
    batches = [a_batch(f"node-{node}", 0, 0, [Beat("A", ip, 0, 0, WINDOW) for ip in range(1, 8)], 0) for node in range(30)]
    with patch.object(hearing, "_TOLD_ROWS", 20):
        changes = [one for one in teller.hear(batches) if isinstance(one, OwnershipChanges)]
    assert (sum(len(one.slices) for one in changes), sum(len(one.ranges) for one in changes)) == (30, 210)
    assert all(13 < len(one.ranges) < 20 + 7 for one in changes[:-1])


@settings(max_examples=40, deadline=None)
@given(seeds, troubles, st.integers(1, 9))
def test_whatever_is_heard_in_whatever_order_nobody_claims_more_than_was_said(chance: random.Random, trouble: float, size: int) -> None:
    """Two tellers, one of which takes over from the other, or speaks beside it, having heard some of what it said."""
    batches = delivered(chance, fleet(chance, 12), trouble)
    true, listener = claims(plainly(batches, [])), Listener()
    one, other = Teller(), Teller()
    said: list[Told] = []
    for first in range(0, len(batches), size):
        speaker, hearer = (one, other) if chance.random() < 0.7 else (other, one)
        told = speaker.hear(batches[first : first + size])
        told += [whole_slices(speaker.known, leases(speaker.known))] * (chance.random() < 0.1)
        said += told
        if chance.random() < 0.8:
            for message in told:
                Listener.hear(_as_listener(hearer), [message])
    heard = [message for message in said if chance.random() >= trouble]
    heard += chance.sample(heard, len(heard) // 4)
    if trouble:
        for _ in range(len(heard)):
            left, right = chance.randrange(len(heard)), chance.randrange(len(heard))
            heard[left], heard[right] = heard[right], heard[left]
    listener.hear(heard)
    for known in (listener.known, one.known, other.known):
        assert claims(known) <= true
        assert_consistent(known)


@settings(max_examples=30, deadline=None)
@given(seeds, troubles, st.integers(1, 9))
def test_whole_slices_and_what_followed_are_enough(chance: random.Random, trouble: float, size: int) -> None:
    """What a topic keeps: every change, and of leases and whole slices the last words."""
    batches = delivered(chance, fleet(chance, 12), trouble)
    teller, kept = Teller(), list[Told]()
    for told in rounds(chance, teller, batches, size):
        kept = [message for message in kept if isinstance(message, OwnershipChanges)]
        kept += told
        if chance.random() < 0.2:
            kept = [message for message in kept if not (isinstance(message, OwnershipChanges) and message.slices.whole.any())]
            kept.append(whole_slices(teller.known, leases(teller.known)))
    fresh = Listener()
    fresh.hear([*kept, leases_told(teller.known, leases(teller.known))])
    assert_same(fresh.known, teller.known)


@settings(max_examples=30, deadline=None)
@given(seeds, st.integers(0, 70), st.booleans())
def test_forgetting_and_numbering_anew_change_no_answer(chance: random.Random, before_us: int, anew: bool) -> None:
    batches = fleet(chance, 12)
    half = len(batches) // 2
    teller = Teller()
    teller.hear(batches[:half])
    plain = plainly(batches[:half], [])
    assert teller.known.forget(before_us) == plain.forget(before_us)
    if anew:
        teller, plain = Teller(teller.known.rebuilt()), plain.rebuilt()
    assert everything(teller.known) == everything(plain)
    teller.hear(batches[half:])
    plain.learn(concat(from_heartbeats(batches[half:]), from_flows(batches[half:])))
    assert everything(teller.known) == everything(plain)
    assert_consistent(teller.known, before_us + 9)


def test_a_holding_that_is_said_twice_is_held_once() -> None:
    """One row goes on from the window before, the other says the same of less, or of more, of the time."""
    for other in (Beat("A", 1, 0, 7, 10), Beat("A", 1, 0, 2, 10)):
        teller, listener = Teller(), Listener()
        batches = [
            a_batch("x", 0, 0, [Beat("A", 1, 0, 3, 5)], 0),
            a_batch("x", 0, 1, [Beat("A", 1, 0, 5, 10), other], 0),
            a_batch("x", 0, 2, [Beat("B", 2, 0, 10, 15)], 0),
        ]
        for count, batch in enumerate(batches, 1):
            listener.hear(teller.hear([batch]))
            assert_same(teller.known, plainly(batches[:count], []))
            assert_same(listener.known, teller.known)
            assert_consistent(teller.known)
            assert_consistent(listener.known)


def test_a_node_at_rest_moves_one_number_and_tells_one_lease() -> None:
    teller = Teller()
    held = [Beat("A", ip, 0, 0, WINDOW) for ip in range(1, 200)]

    def window(number: int) -> FlowBatch:
        span = number * WINDOW, (number + 1) * WINDOW
        return a_batch("x", 0, number, [Beat(beat.owner, beat.ip, 0, *span) for beat in held], 0)

    teller.hear([window(0)])
    stored = teller.known.evidence.said.columns["end_us"].copy()
    told = [teller.hear([window(number)]) for number in range(1, 20)]
    assert [len(one) for one in told] == [1] * 19 and all(isinstance(one[0], OwnershipLeases) and len(one[0]) == 1 for one in told)
    assert (teller.known.evidence.said.columns["end_us"] == stored).all()
    assert whos(teller.known, [(1, 19 * WINDOW + 4)], address(150)) == ["A"]


def test_more_slices_than_a_table_has_room_for_come_at_once() -> None:
    teller = Teller()
    batches = [a_batch(f"node-{number}", 0, 0, [Beat("A", 1 + number % 200, 0, 0, WINDOW)], 0) for number in range(700)]
    teller.hearing.hear(batches, [number % 8 for number in range(700)])
    table = teller.known.evidence.leases
    assert table.home[: len(table)].tolist() == [number % 8 for number in range(700)]
    assert table.state[: len(table)].any(axis=1).all()


def test_leases_of_nodes_that_are_gone_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "_CHUNK", 50)
    teller = Teller()
    for number in range(60):
        teller.hear([a_batch(f"gone-{number}", 0, 0, [Beat("A", 1, 0, 0, WINDOW)], 0)])
    teller.hear([a_batch("x", 0, 30, [Beat("A", 1, 0, 150, 155)], 0)])
    assert not teller.known.sparse
    teller.known.forget(100)
    assert teller.known.sparse
    fresh = teller.known.rebuilt()
    assert len(fresh.evidence.leases) == 1 and everything(fresh) == everything(teller.known)


def test_rows_that_no_list_has_held_are_no_leases() -> None:
    """The last row of an empty list may be one of them, and memory that is handed out anew holds anything."""
    for rows in (1 << 10, 1 << 12, 1 << 14):
        np.full(rows, np.iinfo(np.int64).max)  # freed at once, to be handed out below
        made = RaggedArray(end_us=np.int64)
        made.resize(rows)
        made.put(np.arange(rows), np.ones(rows, np.int64), end_us=np.ones(rows, np.int64))
        assert set(np.unique(made.columns["end_us"]).tolist()) <= {0, 1}
        made.pack()
        assert set(np.unique(made.columns["end_us"]).tolist()) <= {0, 1}


members = st.tuples(st.integers(0, 5), st.integers(0, 2), st.integers(0, 3))


@given(st.lists(members, unique=True, max_size=30), st.lists(members, max_size=30))
def test_members_are_found_among_others_at_the_same_address(listed: list[tuple[int, int, int]], wanted: list[tuple[int, int, int]]) -> None:
    def columns(rows: list[tuple[int, int, int]]) -> Members:
        address, owner, lease = np.array(rows, np.int64).reshape(-1, 3).T
        return Members(address, owner.astype(np.uint32), lease)

    rows = LeaseTable().find_members(columns(listed), columns(wanted)).tolist()
    assert rows == [listed.index(one) if one in listed else -1 for one in wanted]


def leases(known: OwnershipMap) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.arange(len(known.evidence.leases))


def _as_listener(teller: Teller) -> Listener:
    return Listener(teller.known)


def assert_consistent(known: OwnershipMap, from_us: int = -4) -> None:
    """What is kept beside the evidence is what would follow from it: `from_us` on, where what was before has been forgotten."""
    again = a_map()
    for part in known.evidence.parts():
        again.learn(part)
    again.learn_events(known.evidence.events_of(known.evidence.events.addresses))
    assert named(again, from_us) == named(known, from_us)
    table = known.evidence.leases
    listed = table.members(leases(known))
    assert len(set(zip(*(column.tolist() for column in listed.members), strict=True))) == len(listed.of)
    loose = ~known.leasing.is_attached(listed.members)
    assert table.is_loose(listed.at).tolist() == loose.tolist()
    assert table.loose[: len(table)].tolist() == np.bincount(listed.of[loose], minlength=len(table)).tolist()
