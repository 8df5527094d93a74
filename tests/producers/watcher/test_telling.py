"""What is told to Kafka, in which order, and up to when."""

from __future__ import annotations

from dataclasses import replace

import pytest

from producers.kubernetes.owners import parse_metadata
from producers.watcher import telling as module
from producers.watcher.cluster import Cluster
from producers.watcher.objects import read_node, read_pod, read_service, read_slice
from producers.watcher.services import HISTORY_US, LINGER_US, RESOLVE_US
from producers.watcher.telling import LAG_US, REPEAT_SECONDS, RETRY_SECONDS, Telling
from schemas.records.cluster import ServiceAddress
from schemas.wire.framing import Framer
from tests.producers.watcher.fakes import FakeOutlet
from tests.producers.watcher.raw import node, piece, service, thing
from tests.producers.watcher.test_services import VIP, S, key

TICK = 200_000
START = 1_000_000 * S


class Scene:
    """A watcher of one service with pods of a and b. It leads, its watches stand and the API answers, until a test says otherwise."""

    def __init__(self, outlet: FakeOutlet | None = None) -> None:
        self.now_us = START
        self.mono_us = 50 * S
        self.cluster = Cluster("net", wall=lambda: self.now_us / 1e6)
        self.outlet = outlet or FakeOutlet()
        self.telling = Telling(self.cluster, self.outlet, Framer(), "net", "w")
        self.connected = self.leads = True
        self.answered_us: int | None = None
        for owner in ("a", "b"):
            self.cluster.pods.parent_changed("ReplicaSet", parse_metadata(thing(f"{owner}-1", owner=("Deployment", owner))))
            self.cluster.pods.changed(read_pod(thing(f"{owner}1", owner=("ReplicaSet", f"{owner}-1"))))
        self.cluster.tear("services", self.cluster.services.services_replaced([read_service(service("web", [VIP]))], self.now_us))
        self.cluster.tear("slices", self.cluster.services.slices_replaced([read_slice(piece("web-a", "web", ["a1"]))], self.now_us))

    def behind(self, *pods: str, version: int = 2) -> None:
        self.cluster.services.slice_changed(read_slice(piece("web-a", "web", pods, version=version)), self.now_us)

    def run(self, us: int) -> None:
        for _ in range(us // TICK):
            self.now_us += TICK
            self.mono_us += TICK
            answered = self.now_us if self.answered_us is None else self.answered_us
            self.telling.tick(self.now_us, self.mono_us / 1e6, connected=self.connected, answered_us=answered, leads=self.leads)
            self.outlet.poll(0)


def states(outlet: FakeOutlet) -> list[tuple[int, tuple[str, ...]]]:
    return [(told.since_us - START, told.workloads) for told in outlet.addresses() if told.ip == key(VIP).ip]


def test_all_states_are_told_and_then_up_to_when() -> None:
    scene = Scene()
    scene.cluster.nodes.replaced([read_node(node("n1", []))], START)
    scene.cluster.workloads.owner_changed("Deployment", parse_metadata(thing("a")))
    scene.run(5 * S)
    (address,) = scene.outlet.addresses()
    assert address == ServiceAddress("net", *key(VIP), "shop/web", ("shop/a",), START + TICK, address.watcher)
    assert [told.name for told in scene.outlet.workloads()] == ["shop/a"] and [told.node_id for told in scene.outlet.nodes()] == ["n1"]
    marks = scene.outlet.watermarks()
    assert {(mark.watcher, mark.since_us) for mark in marks} == {(address.watcher, START + TICK)}
    assert [mark.until_us for mark in marks] == sorted({mark.until_us for mark in marks}) and len(marks) == 3
    assert scene.outlet.records()[-1] == marks[-1] and scene.now_us - 2 * S <= marks[-1].until_us <= scene.now_us - LAG_US


def test_a_change_is_in_effect_from_the_last_watermark_on() -> None:
    scene = Scene()
    scene.run(5 * S)
    until_us = scene.telling.until_us
    scene.behind("b1")
    scene.run(5 * S)
    assert states(scene.outlet)[1:] == [(until_us - START, ("shop/a", "shop/b"))]


def test_nothing_new_is_told_of_a_scale_up() -> None:
    scene = Scene()
    scene.run(2 * S)
    scene.behind("a1", "a2")
    scene.run(S)
    scene.cluster.pods.changed(read_pod(thing("a2", owner=("ReplicaSet", "a-1"))))
    scene.run(5 * S)
    assert len(states(scene.outlet)) == 1


def test_the_watermark_waits_for_a_pod_that_is_not_known_yet_but_not_for_ever() -> None:
    scene = Scene()
    scene.run(5 * S)
    until_us = scene.telling.until_us
    scene.behind("a1", "ghost")
    scene.run(RESOLVE_US - TICK)
    assert scene.telling.until_us == until_us
    scene.run(3 * S)
    assert states(scene.outlet)[1:] == [(until_us - START, ("", "shop/a"))] and scene.telling.until_us > until_us


def test_a_follower_tells_nothing() -> None:
    scene = Scene()
    scene.leads = False
    scene.behind("b1")
    scene.run(60 * S)
    assert scene.outlet.log == [] and not scene.telling.in_term


def test_a_new_leader_tells_what_it_saw_while_it_followed() -> None:
    scene = Scene()
    scene.leads = False
    scene.run(10 * S)
    begun = scene.now_us - START
    scene.behind("b1")
    scene.run(10 * S)
    scene.cluster.pods.deleted("uid-a1", scene.now_us)
    scene.run(LINGER_US + 10 * S)
    scene.leads = True
    scene.run(2 * S)
    (first, _), (second, _), (third, _) = told = states(scene.outlet)
    assert [workloads for _, workloads in told] == [("shop/a",), ("shop/a", "shop/b"), ("shop/b",)]
    assert first == TICK and begun - 2 * S <= second <= begun and third > second + LINGER_US
    (mark, *_) = scene.outlet.watermarks()
    assert mark.since_us == START + TICK and mark.until_us > scene.now_us - 4 * S


def test_a_new_leader_vouches_for_the_last_minutes_only() -> None:
    scene = Scene()
    scene.leads = False
    scene.run(HISTORY_US + 100 * S)
    scene.leads = True
    scene.run(2 * S)
    (mark, *_) = scene.outlet.watermarks()
    assert scene.now_us - HISTORY_US - 2 * S < mark.since_us < scene.now_us - HISTORY_US


def test_each_time_of_leading_is_a_watcher_of_its_own() -> None:
    scene = Scene()
    for _ in range(2):
        scene.leads = True
        scene.run(3 * S)
        scene.leads = False
        scene.run(3 * S)
    watchers = [mark.watcher for mark in scene.outlet.watermarks()]
    assert len(set(watchers)) == 2 == scene.telling.terms and all(watcher.startswith("w-") for watcher in watchers)


def test_the_watermark_stands_while_a_watch_is_broken_and_goes_on_where_nothing_was_missed() -> None:
    scene = Scene()
    scene.run(5 * S)
    until_us = scene.telling.until_us
    scene.connected = False
    scene.run(60 * S)
    assert scene.telling.until_us == until_us
    scene.behind("b1")  # The watch goes on from where it was.
    scene.connected = True
    scene.run(5 * S)
    assert states(scene.outlet)[1:] == [(until_us - START, ("shop/a", "shop/b"))]
    assert len({mark.watcher for mark in scene.outlet.watermarks()}) == 1 and scene.telling.until_us > scene.now_us - 3 * S


def test_the_watermark_does_not_pass_the_last_answer_of_the_api_server() -> None:
    scene = Scene()
    scene.run(5 * S)
    scene.answered_us = scene.now_us
    scene.run(20 * S)
    assert scene.telling.until_us == scene.answered_us - LAG_US == scene.outlet.watermarks()[-1].until_us


@pytest.mark.parametrize(("version", "watchers"), [(1, 1), (2, 2)])
def test_a_new_list_begins_anew_only_where_something_changed(version: int, watchers: int) -> None:
    scene = Scene()
    scene.run(5 * S)
    same = read_slice(piece("web-a", "web", ["a1"], version=version))
    scene.cluster.tear("slices", scene.cluster.services.slices_replaced([same], scene.now_us))
    listed_us = scene.now_us
    scene.run(5 * S)
    marks = scene.outlet.watermarks()
    assert len({mark.watcher for mark in marks}) == watchers
    assert (marks[-1].since_us > listed_us) == (watchers == 2)
    assert all(mark.until_us <= listed_us for mark in marks if mark.watcher != marks[-1].watcher)


@pytest.mark.parametrize("leap", [-3_600 * S, 3_600 * S])
def test_a_clock_that_leaps_begins_anew(leap: int) -> None:
    scene = Scene()
    scene.run(5 * S)
    scene.now_us += leap
    scene.run(5 * S)
    marks = scene.outlet.watermarks()
    assert len({mark.watcher for mark in marks}) == 2
    assert scene.now_us - 6 * S < marks[-1].since_us < marks[-1].until_us < scene.now_us


def test_the_watermark_waits_after_this_process_was_held_up() -> None:
    scene = Scene()
    scene.run(5 * S)
    scene.now_us += 30 * S
    scene.mono_us += 30 * S
    until_us = scene.telling.until_us
    scene.run(LAG_US)
    assert scene.telling.until_us == until_us
    scene.run(S)
    assert scene.telling.until_us > until_us


def test_kafka_away_keeps_every_state_in_order_and_no_watermark_comes_before_them() -> None:
    scene = Scene(FakeOutlet(room=2))
    scene.run(5 * S)
    told = len(scene.outlet.records())
    scene.outlet.away = True
    for at in range(4):
        scene.behind("b1" if at % 2 == 0 else "a1")
        scene.cluster.services.service_changed(read_service(service("web", [VIP, f"10.96.1.{at}"])), scene.now_us)
        scene.run(2 * S)
    assert len(scene.outlet.records()) == told
    scene.outlet.away = False
    scene.run(3 * S)
    later = scene.outlet.records()[told:]
    assert len({record.watcher for record in scene.outlet.watermarks()}) == 1
    behind = [record for record in later if isinstance(record, ServiceAddress)]
    assert [record.since_us for record in behind] == sorted(record.since_us for record in behind) and len(behind) == 8
    first_mark = next(at for at, record in enumerate(later) if record not in behind)
    marked = later[first_mark]
    assert marked in scene.outlet.watermarks() and all(record.since_us >= marked.until_us for record in behind[first_mark:])  # type: ignore[union-attr]


def test_too_many_changes_for_a_kafka_that_is_away_are_given_up_for_a_new_watcher(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING", 3)
    scene = Scene(FakeOutlet(room=1))
    scene.run(5 * S)
    scene.outlet.away = True
    for at in range(20):
        scene.cluster.services.service_changed(read_service(service(f"s{at}", [f"10.96.2.{at}"])), scene.now_us)
        scene.run(S)
    assert not scene.telling.in_term and scene.telling.waiting == 0
    scene.outlet.away = False
    scene.run(8 * S)
    first, second = dict.fromkeys(mark.watcher for mark in scene.outlet.watermarks())
    assert first != second and len({told.ip for told in scene.outlet.addresses() if told.watcher == second}) == 21


def test_what_kafka_refuses_is_told_again_as_a_new_watcher() -> None:
    scene = Scene()
    scene.outlet.refuses = "too large"
    scene.run(2 * S)
    assert scene.outlet.log == [] and scene.telling.terms == 1
    scene.outlet.refuses = ""
    scene.run(int(RETRY_SECONDS) * S + 3 * S)
    assert scene.telling.terms == 2 and states(scene.outlet) == [(TICK, ("shop/a",))] and scene.outlet.watermarks()


def test_all_that_stands_is_repeated_every_hour() -> None:
    scene = Scene()
    scene.run(5 * S)
    scene.run(int(REPEAT_SECONDS) * S)
    assert states(scene.outlet) == [(TICK, ("shop/a",))] * 2
    assert len({told.watcher for told in scene.outlet.addresses()}) == 1


def test_a_state_that_no_reader_takes_is_told_with_less() -> None:
    scene = Scene()
    name = "n" * 600
    raw = replace(read_service(service("web", [VIP])), name=f"shop/{name}")
    scene.cluster.services.services_replaced([raw], scene.now_us)
    scene.cluster.workloads.owner_changed("Deployment", parse_metadata(thing(name)))
    scene.run(5 * S)
    assert [(told.service, told.workloads) for told in scene.outlet.addresses()] == [("", ())]
    assert scene.outlet.workloads() == [] and scene.outlet.watermarks()
