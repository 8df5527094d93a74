"""The map that threads share: it keeps to its size, and hands out its events in parts while it goes on learning."""

from __future__ import annotations

import weakref
from dataclasses import replace

import pytest
from prometheus_client import REGISTRY

from schemas.records.flow_batch import FlowBatch
from schemas.records.ip_event import IpEvent
from streams.ownership import evidence
from streams.ownership import locked_map as shared_ownership
from streams.ownership.locked_map import LockedOwnershipMap
from streams.ownership.map import OwnershipMap
from tests.streams.ownership.service_words import behind, watched
from tests.streams.support import address, batch, heartbeats, who

SECOND_US = 1_000_000


def shared(max_ranges: int = 1_000) -> tuple[OwnershipMap, LockedOwnershipMap]:
    known = OwnershipMap(gap_us=20 * SECOND_US, skew_us=0)
    return known, LockedOwnershipMap(known, "default", max_ranges)


def window(number: int) -> FlowBatch:
    """Another owner every window, far enough apart that silences stay silences."""
    start_us = number * 100 * SECOND_US
    held = heartbeats([(0, address(1), start_us, start_us + 10 * SECOND_US)])
    return batch([], window=10 * number, beats=held, workloads=(f"app-{number}",))


def test_a_full_map_forgets_what_ended_first_and_never_names_wrongly() -> None:
    known, ownership = shared(max_ranges=50)
    for number in range(200):
        ownership.learn([window(number)], [], [])
        assert ownership.size <= 50
    assert REGISTRY.get_sample_value("weir_fill", {"bound": "ownership"}) == ownership.size / 50
    names = [who(known, at := (100 * number + 5) * SECOND_US, at) for number in range(200)]
    kept = names.index("app-199") - ownership.size + 1
    assert set(names[:kept]) == {"(gap)"}
    assert names[kept:] == [f"app-{number}" for number in range(kept, 200)]


def test_what_nodes_that_are_gone_have_said_is_let_go() -> None:
    _, ownership = shared()
    held = window(0).heartbeats
    for number in range(2):
        beats = replace(held, start_us=held.start_us + 10 * number * SECOND_US, end_us=held.end_us + 10 * number * SECOND_US)
        ownership.learn([batch([], window=number, beats=beats, workloads=("app",))], [], [])
    later = replace(window(9), node_id="alive")
    ownership.learn([later], [], [])
    column = weakref.ref(beats.ip)
    del beats, held
    assert column() is not None
    ownership.forget(500 * SECOND_US)
    assert column() is None


def test_what_watchers_told_goes_with_the_retention_and_not_for_want_of_room() -> None:
    """It comes through a map that is made anew, too."""
    known, ownership = shared(max_ranges=50)
    told = [behind(0, "shop/old"), behind(20 * SECOND_US, "shop/web"), watched(0, 100 * SECOND_US)]
    ownership.learn([], [], [], services=told)
    assert [word for part in ownership.services() for word in part] == told
    assert REGISTRY.get_sample_value("weir_fill", {"bound": "services"}) == 2 / 200_000
    for number in range(200):
        ownership.learn([window(number)], [], [])
    ownership.forget(50 * SECOND_US)
    assert [word for part in ownership.services() for word in part] == told[1:]
    assert known.rebuilt().services is known.services
    ownership.forget(101 * SECOND_US)
    assert ownership.services() == []


def test_events_come_in_parts_while_more_are_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_ownership, "_EVENT_ADDRESSES", 3)
    _, ownership = shared()
    told = [IpEvent("default", address(last), f"lb-{last}", True, 10) for last in range(1, 11)]
    ownership.learn([], [], told)
    parts = ownership.events()
    found = next(parts)
    ownership.learn([], [], [IpEvent("default", address(50), "lb-50", True, 10)])
    found += [event for part in parts for event in part]
    assert len(found) == len(set(found))
    assert set(told) <= set(found)


def test_a_map_without_events_has_no_parts() -> None:
    assert list(shared()[1].events()) == []


def test_a_map_that_is_mostly_empty_gives_way_to_a_small_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers are given out anew: whoever is in the middle of the events begins again."""
    monkeypatch.setattr(shared_ownership, "_EVENT_ADDRESSES", 1)
    monkeypatch.setattr(evidence, "_CHUNK", 5)
    known, ownership = shared()
    told = [IpEvent("default", address(last), f"lb-{last}", True, 1_000 * SECOND_US) for last in (100, 101, 102)]
    past = [heartbeats([(0, address(last), 0, 10 * SECOND_US)]) for last in range(1, 21)]
    ownership.learn([batch([], window=0, beats=beats, workloads=("app",)) for beats in past], [], told)
    parts = ownership.events()
    first = next(parts)
    assert ownership.forget(100 * SECOND_US) == 20
    with ownership.reading() as fresh:
        assert fresh is not known and fresh.evidence.addresses.count == len(told)
    assert {event for part in (first, *parts) for event in part} == set(told)
