"""The lease: one leads at a time, another takes over, and nobody compares clocks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from producers.kubernetes.transport import ApiError
from producers.watcher.leader import LEAD_SECONDS, LEASE_SECONDS, ApiLeases, Candidate, Lease
from tests.producers.watcher.fakes import FakeLeases


class Clock:
    def __init__(self, now: float = 100.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def test_the_first_leads_and_the_other_does_not() -> None:
    leases, clock = FakeLeases(), Clock()
    one, other = (Candidate(leases, name, clock) for name in ("one", "other"))
    one.step()
    other.step()
    assert (one.leads, other.leads, other.holder, leases.lease.transitions) == (True, False, "one", 0)


def test_a_holder_that_renews_leads_on() -> None:
    leases, clock = FakeLeases(), Clock()
    one, other = (Candidate(leases, name, clock) for name in ("one", "other"))
    for _ in range(30):
        clock.now += 2
        one.step()
        other.step()
        assert one.leads and not other.leads


def test_a_holder_that_is_cut_off_ceases_to_lead_before_another_begins() -> None:
    leases, clock = FakeLeases(), Clock()
    one, other = (Candidate(leases, name, clock) for name in ("one", "other"))
    one.step()
    other.step()
    clock.now += LEAD_SECONDS
    assert not one.leads
    other.step()
    assert not other.leads
    clock.now += LEASE_SECONDS - LEAD_SECONDS
    other.step()
    assert other.leads and leases.lease.transitions == 1
    one.step()
    assert not one.leads and one.holder == "other"


def test_a_lease_that_is_given_back_is_taken_at_once() -> None:
    leases, clock = FakeLeases(), Clock()
    one, other = (Candidate(leases, name, clock) for name in ("one", "other"))
    one.step()
    one.resign()
    other.step()
    assert other.leads and not one.leads


def test_one_that_does_not_want_to_lead_only_looks() -> None:
    leases, clock = FakeLeases(), Clock()
    one = Candidate(leases, "one", clock, lambda: 7.0)
    one.step(wants=False)
    assert (one.leads, leases.lease, one.answered_us, one.trouble) == (False, Lease(), 7_000_000, "")


def test_a_server_that_is_away_is_no_proof_of_anything() -> None:
    leases, clock = FakeLeases(), Clock()
    one = Candidate(leases, "one", clock, clock)
    one.step()
    leases.away, clock.now = True, clock.now + 2
    one.step()
    assert one.leads and one.trouble == "away" and one.answered_us == 100_000_000
    clock.now += LEAD_SECONDS
    assert not one.leads
    one.resign()
    leases.away = False
    one.step()
    assert one.leads and not one.trouble


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 6), st.booleans()), max_size=80))
def test_two_never_lead_at_once(moves: list[tuple[str, float, bool]]) -> None:
    leases, clock = FakeLeases(), Clock()
    candidates = {name: Candidate(leases, name, clock) for name in "abc"}
    for name, seconds, away in moves:
        clock.now += seconds
        leases.away = away
        candidates[name].step()
        assert sum(candidate.leads for candidate in candidates.values()) <= 1


class FakeServer:
    """Answers with what is in `lease`; None: it does not exist."""

    def __init__(self) -> None:
        self.lease: dict[str, Any] | None = None
        self.asked: list[tuple[str, str]] = []

    def ask(self, method: str, path_and_query: str, accept: str, body: Mapping[str, Any] | None = None, seconds: float = 0) -> bytes:
        self.asked.append((method, path_and_query))
        assert 0 < seconds < LEAD_SECONDS
        if method == "GET" and self.lease is None:
            raise ApiError(404, "not found")
        if body is not None:
            self.lease = json.loads(json.dumps(body))
            self.lease["metadata"]["resourceVersion"] = "7"
        return json.dumps(self.lease).encode()


def test_a_lease_of_the_api_is_read_and_written() -> None:
    server = FakeServer()
    leases = ApiLeases(server, "weir", "weir-watcher")
    assert leases.read() == Lease()
    wanted = Lease("me", 0, "2026-01-01T00:00:00.000000Z", "2026-01-01T00:00:02.000000Z")
    written = leases.write(wanted)
    assert written == leases.read() == Lease("me", 0, wanted.acquired, wanted.renewed, "7")
    leases.write(written)
    assert server.lease is not None and server.lease["spec"] == {
        "leaseTransitions": 0,
        "leaseDurationSeconds": LEASE_SECONDS,
        "renewTime": wanted.renewed,
        "holderIdentity": "me",
        "acquireTime": wanted.acquired,
    }
    assert server.lease["metadata"] == {"name": "weir-watcher", "resourceVersion": "7"}
    all_of_them = "/apis/coordination.k8s.io/v1/namespaces/weir/leases"
    assert [path for _, path in server.asked] == [f"{all_of_them}/weir-watcher", all_of_them, *[f"{all_of_them}/weir-watcher"] * 2]
    assert [method for method, _ in server.asked] == ["GET", "POST", "GET", "PUT"]
