"""Heartbeats say what was seen, or what packets prove, and not more."""

from __future__ import annotations

import numpy as np
import pytest

from producers.capture.aggregate import NOTHING, Folded
from producers.capture.batches import Heartbeat
from producers.capture.heartbeats import SILENCE_LIMIT_US, HeartbeatTracker, published
from producers.identity.holdings import Holding
from producers.identity.last_snapshot import Snapshot
from schemas.records.flow_batch import FLOW_DTYPES, ROLE_CLIENT, ROLE_SERVER, FlowColumns
from tests.producers.fakes import MAPPED

NODE = "node/n1"
T0, T1, T2 = 1_000, 2_000, 3_000


def ip(last: int) -> bytes:
    return MAPPED + bytes([10, 0, 0, last])


def spoke(*rows: tuple[bytes, str, int, int, int], sent: int = 1, port: int = 443) -> Folded:
    """Flows (local address, workload, role, first, last)."""
    names = tuple(sorted({row[1] for row in rows}))
    columns = {n: np.zeros((len(rows), 16) if n.endswith("_ip") else len(rows), d) for n, d in FLOW_DTYPES.items()}
    for i, (address, workload, role, first, last) in enumerate(rows):
        columns["local_ip"][i] = np.frombuffer(address, np.uint8)
        columns["local_workload"][i], columns["role"][i] = names.index(workload), role
        columns["first_seen_us"][i], columns["last_seen_us"][i] = first, last
    columns["packets_sent"][:], columns["service_port"][:], columns["protocol"][:] = sent, port, 6
    return Folded(names, FlowColumns(**columns))


def test_what_was_there_at_both_ends_is_claimed_from_look_to_look() -> None:
    held = {Holding(ip(1), "a")}
    watch = HeartbeatTracker(held, T0, NODE)
    assert watch.heartbeats(held, NOTHING, T1) == (Heartbeat(Holding(ip(1), "a"), T0, T1),)
    assert watch.heartbeats(held, NOTHING, T2) == (Heartbeat(Holding(ip(1), "a"), T1, T2),)


def test_what_appeared_is_claimed_from_its_first_packet() -> None:
    held = {Holding(ip(1), "a")}
    flows = spoke((ip(1), "a", ROLE_CLIENT, 1_500, 1_600), (ip(1), "a", ROLE_CLIENT, 1_400, 1_450))
    assert HeartbeatTracker((), T0, NODE).heartbeats(held, flows, T1) == (Heartbeat(Holding(ip(1), "a"), 1_400, T1),)


def test_what_appeared_in_silence_is_claimed_from_now_on() -> None:
    held = {Holding(ip(1), "a")}
    watch = HeartbeatTracker((), T0, NODE)
    assert watch.heartbeats(held, NOTHING, T1) == ()
    assert watch.heartbeats(held, NOTHING, T2) == (Heartbeat(Holding(ip(1), "a"), T1, T2),)


def appeared(flows: Folded, since: int, workload: str = "a") -> tuple[Heartbeat, ...]:
    """Claims for one address at T1 that was not there at T0, and that the kernel says was put there at `since`."""
    held = Holding(ip(1), workload)
    return HeartbeatTracker((), T0, NODE).heartbeats({held}, flows, T1, {held: since})


def test_what_appeared_is_claimed_from_its_beginning() -> None:
    spoken = spoke((ip(1), "a", ROLE_SERVER, 1_800, 1_900))
    for flows in (NOTHING, spoken):
        assert appeared(flows, 1_300) == (Heartbeat(Holding(ip(1), "a"), 1_300, T1),)


def test_no_beginning_reaches_beyond_the_last_look() -> None:
    assert appeared(NOTHING, 0) == (Heartbeat(Holding(ip(1), "a"), T0, T1),)


def test_packets_prove_an_earlier_beginning() -> None:
    assert appeared(spoke((ip(1), "a", ROLE_CLIENT, 1_200, 1_900)), 1_300) == (Heartbeat(Holding(ip(1), "a"), 1_200, T1),)


@pytest.mark.parametrize("sent", [0, 1])
@pytest.mark.parametrize("other", ["b", "", NODE])
def test_no_beginning_reaches_into_anothers_packets(sent: int, other: str) -> None:
    """A datagram that a silent predecessor took in without a word was the predecessor's."""
    before = spoke((ip(1), other, ROLE_SERVER, 1_100, 1_500), (ip(2), "c", ROLE_SERVER, 1_100, 1_900), sent=sent)
    (claim,) = (claim for claim in appeared(before, 1_200) if claim.holding == Holding(ip(1), "a"))
    assert (claim.start_us, claim.end_us) == (1_501, T1)


def test_what_was_there_before_needs_no_beginning() -> None:
    held = Holding(ip(1), "a")
    watch = HeartbeatTracker({held}, T0, NODE)
    assert watch.heartbeats({held}, NOTHING, T1, {held: 1_700}) == (Heartbeat(held, T0, T1),)


def test_a_missed_windows_end_is_no_bar_to_a_beginning() -> None:
    held = Holding(ip(1), "a")
    watch = HeartbeatTracker((), T0, NODE)
    watch.resume({held}, T1)
    assert watch.heartbeats({held}, NOTHING, T2, {held: 1_300}) == (Heartbeat(held, 1_300, T2),)


def test_what_vanished_is_claimed_to_its_last_packet() -> None:
    watch = HeartbeatTracker({Holding(ip(1), "a")}, T0, NODE)
    flows = spoke((ip(1), "a", ROLE_CLIENT, 1_100, 1_700))
    assert watch.heartbeats((), flows, T1) == (Heartbeat(Holding(ip(1), "a"), T0, 1_701),)
    assert HeartbeatTracker({Holding(ip(1), "a")}, T0, NODE).heartbeats((), NOTHING, T1) == ()


def test_a_change_of_hands_leaves_no_overlap() -> None:
    watch = HeartbeatTracker({Holding(ip(1), "a")}, T0, NODE)
    flows = spoke((ip(1), "a", ROLE_CLIENT, 1_100, 1_300), (ip(1), "b", ROLE_CLIENT, 1_500, 1_900))
    first, second = watch.heartbeats({Holding(ip(1), "b")}, flows, T1)
    assert (first.holding.workload, second.holding.workload) == ("a", "b")
    assert first.end_us <= second.start_us == 1_500


def test_one_that_came_and_went_is_claimed_for_its_packets() -> None:
    flows = spoke((ip(3), "job", ROLE_CLIENT, 1_100, 1_300))
    assert HeartbeatTracker((), T0, NODE).heartbeats((), flows, T1) == (Heartbeat(Holding(ip(3), "job"), 1_100, 1_301),)


def test_two_that_came_and_went_on_one_address_prove_nothing() -> None:
    flows = spoke((ip(3), "job", ROLE_CLIENT, 1_100, 1_300), (ip(3), "other", ROLE_CLIENT, 1_200, 1_400))
    assert HeartbeatTracker((), T0, NODE).heartbeats((), flows, T1) == ()


def test_packets_from_an_address_that_the_node_holds_make_nobody_its_owner() -> None:
    node = {Holding(ip(1), NODE)}
    flows = spoke((ip(1), "cron", ROLE_CLIENT, 1_100, 1_300))
    assert HeartbeatTracker(node, T0, NODE).heartbeats(node, flows, T1) == (Heartbeat(Holding(ip(1), NODE), T0, T1),)


def test_packets_received_are_no_proof() -> None:
    broadcast = spoke((ip(255), "dhcp", ROLE_SERVER, 1_100, 1_300), sent=0)
    assert HeartbeatTracker((), T0, NODE).heartbeats((), broadcast, T1) == ()


def test_an_unnamed_owner_claims_nothing() -> None:
    assert HeartbeatTracker((), T0, NODE).heartbeats((), spoke((ip(3), "", ROLE_CLIENT, 1_100, 1_300)), T1) == ()


def test_loopback_is_nobodys() -> None:
    flows = spoke((MAPPED + bytes([127, 0, 0, 1]), "a", ROLE_CLIENT, 1_100, 1_300))
    assert HeartbeatTracker((), T0, NODE).heartbeats((), flows, T1) == ()


def test_a_new_listener_is_claimed_from_its_first_answer() -> None:
    before, now = {Holding(ip(1), NODE)}, {Holding(ip(1), NODE), Holding(ip(1), "web", 443, 6)}
    flows = spoke((ip(1), "web", ROLE_SERVER, 1_250, 1_300))
    claims = HeartbeatTracker(before, T0, NODE).heartbeats(now, flows, T1)
    assert claims == (Heartbeat(Holding(ip(1), NODE), T0, T1), Heartbeat(Holding(ip(1), "web", 443, 6), 1_250, T1))


def test_after_a_long_pause_nothing_is_said_of_it() -> None:
    held, after = {Holding(ip(1), "a")}, T0 + SILENCE_LIMIT_US + 1
    watch = HeartbeatTracker(held, T0, NODE)
    watch.resume(held, after)
    assert watch.heartbeats(held, NOTHING, after + 500) == (Heartbeat(Holding(ip(1), "a"), after, after + 500),)


def test_a_missed_windows_end_leaves_no_gap() -> None:
    held = {Holding(ip(1), "a")}
    watch = HeartbeatTracker(held, T0, NODE)
    watch.resume(held, T1)
    assert watch.heartbeats(held, NOTHING, T2) == (Heartbeat(Holding(ip(1), "a"), T0, T2),)


def test_a_restart_is_claimed_by_those_who_were_there_before_and_after() -> None:
    stayed, left, came = (Holding(ip(last), "a") for last in (1, 2, 3))
    watch = HeartbeatTracker({stayed, came}, T1, NODE, Snapshot(frozenset({stayed, left}), T0))
    assert watch.heartbeats({stayed, came}, NOTHING, T2) == (Heartbeat(stayed, T0, T2), Heartbeat(came, T1, T2))


def test_a_long_absence_is_nobodys() -> None:
    held, after = frozenset({Holding(ip(1), "a")}), T0 + SILENCE_LIMIT_US + 1
    watch = HeartbeatTracker(held, after, NODE, Snapshot(held, T0))
    assert watch.heartbeats(held, NOTHING, after + 500) == (Heartbeat(Holding(ip(1), "a"), after, after + 500),)


def test_a_look_in_the_future_is_not_believed() -> None:
    held = frozenset({Holding(ip(1), "a")})
    assert HeartbeatTracker(held, T1, NODE, Snapshot(held, T2)).heartbeats(held, NOTHING, T2) == (Heartbeat(Holding(ip(1), "a"), T1, T2),)


def test_a_name_that_becomes_known_goes_on_where_the_uid_ended() -> None:
    held = {Holding(ip(1), "pod/u")}
    watch = HeartbeatTracker(held, T0, NODE)
    before = published(watch.heartbeats(held, NOTHING, T1), str)
    after = published(watch.heartbeats(held, NOTHING, T2), {"pod/u": "shop/web"}.__getitem__)
    assert before == (Heartbeat(Holding(ip(1), "pod/u"), T0, T1),)
    assert after == (Heartbeat(Holding(ip(1), "shop/web"), T1, T2),)


def test_two_pods_of_one_workload_claim_no_time_in_which_neither_is_known_to_have_held_the_address() -> None:
    watch = HeartbeatTracker({Holding(ip(1), "pod/u")}, T0, NODE)
    flows = spoke((ip(1), "pod/u", ROLE_CLIENT, 1_100, 1_199), (ip(1), "pod/v", ROLE_CLIENT, 1_800, 1_900))
    found = published(watch.heartbeats({Holding(ip(1), "pod/v")}, flows, T1), lambda _: "shop/web")
    assert [(beat.start_us, beat.end_us) for beat in found] == [(T0, 1_200), (1_800, T1)]
