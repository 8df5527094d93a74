"""What a worker tells, and under which keys: two workers that read nothing but weir.ownership know the same as the one that tells."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas import headers
from schemas.records.flow_batch import FlowBatch
from schemas.records.ownership_changes import OwnershipChanges, OwnershipLeases
from schemas.wire.framing import Framer
from schemas.wire.ownership_codec import decode_changes, decode_leases, decode_node_place
from streams.clock import now_us
from streams.learning import telling as module
from streams.learning.telling import OwnershipTelling, home_of
from streams.outputs.producer import Record
from streams.ownership.locked_map import LockedOwnershipMap, Told
from streams.ownership.map import OwnershipMap
from tests.streams.support import address, batch, heartbeats, who

SECOND = 1_000_000
WINDOW = 10 * SECOND


def a_store() -> LockedOwnershipMap:
    return LockedOwnershipMap(OwnershipMap(gap_us=25 * SECOND, skew_us=0), "default")


def a_window(number: int, node: str = "n1", owner: str = "app", addresses: int = 3, zone: str = "a") -> FlowBatch:
    span = number * WINDOW, (number + 1) * WINDOW
    held = heartbeats([(0, address(last), *span) for last in range(1, addresses + 1)])
    return replace(batch([], window=number, node=node, beats=held, workloads=(owner,)), zone=zone)


class Teller:
    def __init__(self) -> None:
        self.store = a_store()
        self.telling = OwnershipTelling(self.store, Framer(None).frame, "me")

    def hear(self, *batches: FlowBatch) -> list[Record]:
        learned = self.store.learn(batches, [], [], (), [0] * len(batches))
        return self.telling.changes(learned) + self.telling.leases({0}) + self.telling.holdings({0})


def read(store: LockedOwnershipMap, records: list[Record]) -> None:
    for record in records:
        assert record.value is not None and (headers.LEASES, b"1") in record.headers
        framed = Framer(None).unframe(record.value)
        if framed.name == "NodePlace":
            store.learn([], [], [], places=[decode_node_place(framed.body)])
            continue
        message: OwnershipChanges | OwnershipLeases
        message = decode_changes(framed.body) if framed.name == "OwnershipChanges" else decode_leases(framed.body)
        store.learn([], [], [], [Told(message, home_of(record.key))])


def compacted(records: list[Record]) -> list[Record]:
    return [record for place, record in enumerate(records) if all(later.key != record.key for later in records[place + 1 :])]


def named(store: LockedOwnershipMap, number: int, last: int = 1) -> str:
    with store.reading() as known:
        return who(known, number * WINDOW + 1, number * WINDOW + SECOND, address(last))


def test_at_rest_one_message_a_node_and_window_at_most() -> None:
    teller = Teller()
    teller.hear(a_window(0), a_window(0, "n2", "other"))
    for number in range(1, 20):
        told = teller.hear(a_window(number)) + teller.hear(a_window(number, "n2", "other"))
        assert all(record.key.startswith(b"@leases/0/") for record in told) and len(told) == 2


def test_what_compaction_keeps_is_enough() -> None:
    teller, said = Teller(), list[Record]()
    for number in range(12):
        said += teller.hear(a_window(number, owner="app" if number != 6 else "guest"))
    fresh = a_store()
    read(fresh, compacted(said))
    assert [named(fresh, number) for number in range(12)] == [named(teller.store, number) for number in range(12)]
    assert named(fresh, 11) == "app" and named(fresh, 6) == "guest"


def test_leases_without_what_they_rest_on_name_nobody() -> None:
    teller, fresh = Teller(), a_store()
    changes = [record for record in teller.hear(a_window(0)) if record.key.startswith(b"@changes")]
    leases = [record for number in range(1, 5) for record in teller.hear(a_window(number)) if record.key.startswith(b"@leases")]
    read(fresh, leases)
    assert named(fresh, 3) == "(unknown)"
    read(fresh, changes)
    assert named(fresh, 3) != "app"
    read(fresh, leases)
    assert named(fresh, 3) == "app"


def test_a_change_that_was_not_heard_ends_what_is_known() -> None:
    teller, hearer = Teller(), a_store()
    read(hearer, teller.hear(a_window(0)) + teller.hear(a_window(1)))
    lost = teller.hear(a_window(2, addresses=2))
    assert lost[0].key.startswith(b"@changes")
    read(hearer, lost[1:] + teller.hear(a_window(3, addresses=2)))
    assert [named(hearer, 3, last) for last in (1, 2, 3)] == ["(gap)"] * 3
    (whole,) = teller.store.whole(0, 0, 1)
    hearer.learn([], [], [], [Told(whole, 0)])
    assert [named(hearer, 3, last) for last in (1, 2, 3)] == ["app", "app", "(gap)"]


def test_two_workers_that_speak_of_one_node_have_its_holdings_told_whole() -> None:
    one, other = Teller(), Teller()
    read(other.store, one.hear(a_window(0)))
    assert not [record for record in other.hear(a_window(1)) if record.key.startswith(b"@changes")]
    read(other.store, [record for record in one.hear(a_window(2, owner="late")) if record.key.startswith(b"@changes")])
    told = other.hear(a_window(3))
    assert any(record.key.startswith(b"@holdings/0/") for record in told)


def test_changes_go_once_all_of_them_ended_a_retention_ago() -> None:
    teller = Teller()
    (changes, *_) = teller.hear(a_window(0))
    teller.hear(a_window(50))
    gone = teller.telling.forget(20 * WINDOW, now_us(), {0}, 1)
    assert [(record.key, record.value) for record in gone] == [(changes.key, None)]
    assert teller.telling.forget(20 * WINDOW, now_us(), {0}, 1) == []


def test_workers_of_before_are_told_one_by_one() -> None:
    store = a_store()
    store.learn([a_window(0)], [], [], (), [0])
    learned = store.learn([a_window(1)], [], [], (), [0], one_by_one=True)
    assert learned.changes == [] and len(learned.one_by_one) == 3


def told_one_by_one(teller: Teller) -> list[bytes]:
    learned = teller.store.learn([a_window(0, addresses=20)], [], [], (), [0], one_by_one=True)
    return [record.key for record in teller.telling.changes(learned) if not record.key.startswith(b"@")]


def test_what_was_told_one_by_one_goes_a_retention_after_the_last_worker_that_reads_it() -> None:
    """Each worker removes its share, whoever told it."""
    one, other = Teller(), Teller()
    keys = told_one_by_one(one)
    for key in keys:
        other.telling.remember_single(key, (), now_us())
    assert len(keys) == 20
    assert not [record for record in one.telling.forget(0, now_us() - SECOND, {0, 1}, 2) if record.key in keys]
    quiet_us = now_us() + 1
    shares = [one.telling.forget(0, quiet_us, {0}, 2), other.telling.forget(0, quiet_us, {1}, 2)]
    assert all(shares) and all(record.value is None for share in shares for record in share)
    assert sorted(record.key for share in shares for record in share) == sorted(keys)
    assert one.telling.forget(0, quiet_us, {0, 1}, 2) == []


def test_what_newer_workers_learn_from_stays_until_it_is_forgotten() -> None:
    telling = Teller().telling
    telling.remember_single(b"default/10.0.0.1", (3 * WINDOW, 5 * WINDOW), SECOND)
    telling.singles_wanted(2 * SECOND)
    assert telling.forget(5 * WINDOW, 2 * SECOND, {0}, 1) == []
    assert telling.forget(5 * WINDOW - 1, 3 * SECOND, {0}, 1) == []
    assert [record.key for record in telling.forget(5 * WINDOW, 3 * SECOND, {0}, 1)] == [b"default/10.0.0.1"]


def test_keys_to_remove_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those beyond are a later worker's, which reads them anew; the rest of a large number is removed the next time."""
    monkeypatch.setattr(module, "_KEYS", 5)
    monkeypatch.setattr(module, "_GONE", 3)
    telling = Teller().telling
    for number in range(9):
        telling.remember_single(f"default/10.0.0.{number}".encode(), (), 0)
    assert [len(telling.forget(0, SECOND, {0}, 1)) for _ in range(3)] == [3, 2, 0]


def test_what_many_nodes_begin_to_hold_comes_in_messages_that_kafka_takes() -> None:
    """A thousand addresses on each of a hundred nodes, heard at once."""
    held = [(0, bytes(12) + number.to_bytes(4, "big"), 0, WINDOW) for number in range(100_000)]
    batches = [batch([], node=f"n{node}", beats=heartbeats(held[node::100]), workloads=("app",)) for node in range(100)]
    teller, fresh = Teller(), a_store()
    told = teller.hear(*batches)
    assert max(len(record.value or b"") for record in told) < 1_000_000
    read(fresh, told)
    assert fresh.size == 100_000
    again = a_store()
    for whole in teller.store.whole(0, 0, 1):
        assert len(whole.ranges) <= 11_000
        again.learn([], [], [], [Told(whole, 0)])
    assert again.size == 100_000


def zones(store: LockedOwnershipMap, node: str = "n1") -> list[tuple[int, str]]:
    with store.reading() as known:
        return [(piece.start_us // WINDOW, piece.zone) for piece in known.places.timeline(node)]


def places(records: list[Record]) -> list[Record]:
    return [record for record in records if record.key.startswith(b"@nodes/")]


def test_what_compaction_keeps_of_places_is_enough() -> None:
    teller, said = Teller(), list[Record]()
    for number in range(12):
        said += teller.hear(a_window(number, zone="abb"[number // 4]), a_window(number, "n2"))
    kept = places(compacted(said))
    assert (len(places(said)), len(kept)) == (4, 3)
    fresh = a_store()
    read(fresh, kept)
    assert zones(fresh) == zones(teller.store) == [(0, "a"), (4, "b")]
    assert zones(fresh, "n2") == [(0, "a")]


def test_places_come_before_what_rests_on_them() -> None:
    """Leases and watermarks follow what changed."""
    teller = Teller()
    (place,) = places(teller.telling.changes(teller.store.learn([a_window(0)], [], [], (), [0])))
    assert place.key.startswith(b"@nodes/n1/0/")


def test_places_go_once_their_node_was_silent_for_a_retention() -> None:
    """Each worker removes its share of the keys, whoever told them."""
    one, other = Teller(), Teller()
    told = one.hear(*(a_window(0, f"n{node}") for node in range(21)))
    read(other.store, told)
    read(other.store, one.hear(a_window(50, "n20")))
    removed = []
    for worker, partition in ((one, 0), (other, 1)):
        worker.store.forget(20 * WINDOW)
        share = places(worker.telling.forget(20 * WINDOW, now_us(), {partition}, 2))
        assert share and all(record.value is None for record in share)
        removed += share
    assert sorted(record.key for record in removed) == sorted(
        record.key for record in places(told) if not record.key.startswith(b"@nodes/n20/")
    )
