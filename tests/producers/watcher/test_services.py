"""States of service addresses: which workloads may have been reached there, and since when."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest

from producers.kubernetes.owners import parse_metadata
from producers.watcher.endpoints import Key
from producers.watcher.objects import read_node, read_pod, read_service, read_slice
from producers.watcher.pods import Pods
from producers.watcher.services import HISTORY_US, LINGER_US, RESOLVE_US, SETTLE_US, UNKNOWN_LINGER_US, Services, State
from schemas.records.cluster import NODE_PORTS
from tests.producers.watcher.raw import node, piece, port, service, thing

S = 1_000_000
VIP = "10.96.0.1"


def key(ip: str, number: int = 80, protocol: int = 6) -> Key:
    if ip == "node ports":
        return Key(NODE_PORTS, protocol, number)
    packed = ip_address(ip).packed
    return Key(packed if len(packed) == 16 else bytes(10) + b"\xff\xff" + packed, protocol, number)


class Scene:
    """A watcher's state, told of objects as the API gives them, and a clock that runs only where it is told to."""

    def __init__(self, limit: int = 1_000) -> None:
        self.pods = Pods()
        self.services = Services(self.pods, limit)
        self.now = 1_000 * S

    def deployment(self, name: str, *pods: str) -> Scene:
        """With a ReplicaSet `name-1` and these pods."""
        self.pods.parent_changed("ReplicaSet", parse_metadata(thing(f"{name}-1", owner=("Deployment", name))))
        for pod in pods:
            self.pods.changed(read_pod(thing(pod, owner=("ReplicaSet", f"{name}-1"))))
        return self

    def bare(self, *pods: str) -> Scene:
        for pod in pods:
            self.pods.changed(read_pod(thing(pod)))
        return self

    def service(self, name: str = "web", *ips: str, **more: Any) -> Scene:
        self.services.service_changed(read_service(service(name, ips or (VIP,), more.pop("ports", ()), **more)), self.now)
        return self

    def piece(self, name: str, pods: str, of: str = "web", **more: Any) -> Scene:
        self.services.slice_changed(read_slice(piece(name, of, pods.split(), **more)), self.now)
        return self

    def gone(self, *pods: str) -> Scene:
        for pod in pods:
            self.pods.deleted(f"uid-{pod}", self.now)
        return self

    def after(self, us: int) -> Scene:
        self.now += us
        return self

    def told(self) -> dict[Key, tuple[str, tuple[str, ...]]]:
        """What `settle` tells now."""
        settled = self.services.settle(self.now, self.now)
        assert all(change.state.since_us in (self.now, self.now + 1) for change in settled.changes)
        return {change.key: change.state[1:] for change in settled.changes}

    def stands(self) -> dict[Key, tuple[str, tuple[str, ...]]]:
        self.services.settle(self.now, self.now)
        return {change.key: change.state[1:] for change in self.services.standing()}


def test_a_service_is_told_with_the_workload_of_its_backends() -> None:
    scene = Scene().deployment("front", "f1", "f2").service().piece("web-a", "f1 f2")
    assert scene.told() == {key(VIP): ("shop/web", ("shop/front",))}
    assert scene.told() == {}


def test_backends_that_are_not_ready_count() -> None:
    scene = Scene().deployment("front", "f1").deployment("back", "b1").service().piece("web-a", "f1").piece("web-b", "b1", ready=False)
    assert scene.stands() == {key(VIP): ("shop/web", ("shop/back", "shop/front"))}


def test_every_kind_of_address_is_told() -> None:
    ports = [port(80, "http", node_port=30080), port(443, "https")]
    scene = Scene().bare("p").piece("web-a", "p", ports=[("http", 8080), ("https", 8443)])
    scene.service("web", VIP, ports=ports, kind="LoadBalancer", externalIPs=["203.0.113.9"], ingress=["198.51.100.7"])
    its = ("shop/web", ("shop/p",))
    assert scene.stands() == dict.fromkeys(
        [key("node ports", 30080), *(key(ip, number) for ip in (VIP, "203.0.113.9", "198.51.100.7") for number in (80, 443))], its
    )


@pytest.mark.parametrize("more", [{"kind": "ExternalName", "externalName": "db.example.com"}, {"clusterIPs": ["None"]}])
def test_headless_services_and_external_names_have_no_address(more: dict[str, Any]) -> None:
    assert Scene().bare("p").service("web", "None", **more).piece("web-a", "p").told() == {}


def test_each_family_and_each_port_has_its_own_backends() -> None:
    scene = Scene().bare("four", "six", "admin")
    scene.service("web", VIP, "fd00::1", ports=[port(80, "http", node_port=30080), port(81, "admin")])
    scene.piece("web-4", "four", ports=[("http", 8080)]).piece("web-6", "six", ports=[("http", 8080)], family="IPv6")
    scene.piece("web-admin", "admin", ports=[("admin", 9000)]).piece("web-names", "x", family="FQDN")
    assert scene.stands() == {
        key(VIP): ("shop/web", ("shop/four",)),
        key("fd00::1"): ("shop/web", ("shop/six",)),
        key(VIP, 81): ("shop/web", ("shop/admin",)),
        key("fd00::1", 81): ("shop/web", ()),
        key("node ports", 30080): ("shop/web", ("shop/four", "shop/six")),
    }


def test_protocols_are_told_apart() -> None:
    scene = Scene().bare("p", "q").service("dns", VIP, ports=[port(53, "udp", "UDP"), port(53, "tcp")])
    scene.piece("dns-u", "p", "dns", ports=[("udp", 53)], protocol="UDP").piece("dns-t", "q", "dns", ports=[("tcp", 53)])
    assert scene.stands() == {key(VIP, 53, 17): ("shop/dns", ("shop/p",)), key(VIP, 53): ("shop/dns", ("shop/q",))}


def test_a_scale_up_and_a_rolling_update_tell_nothing() -> None:
    scene = Scene().deployment("front", "f1").service().piece("web-a", "f1")
    assert scene.told()
    scene.deployment("front", "f2").piece("web-a", "f1 f2").after(S)
    assert scene.told() == {}
    scene.pods.parent_changed("ReplicaSet", parse_metadata(thing("front-2", owner=("Deployment", "front"))))
    for old, new in (("f1", "n1"), ("f2", "n2")):
        scene.pods.changed(read_pod(thing(new, owner=("ReplicaSet", "front-2"))))
        scene.piece("web-a", f"{old} {new}").after(S)
        assert scene.told() == {}
        scene.gone(old).after(S)  # The pod goes before its endpoint does.
        assert scene.told() == {}
        scene.piece("web-a", "n1 n2" if new == "n2" else "f2 n1").after(LINGER_US)
        assert scene.told() == {}


def test_slices_that_are_cut_anew_tell_nothing() -> None:
    scene = Scene().deployment("front", "f1", "f2", "f3").service().piece("web-a", "f1 f2 f3")
    assert scene.told()
    for pieces in ({"web-a": "f1"}, {"web-b": "f2 f3"}, {"web-a": ""}, {"web-b": "f1 f2 f3"}):
        for name, pods in pieces.items():
            scene.piece(name, pods)
        assert scene.after(S).told() == {}
    scene.services.slice_deleted("shop/web-a", scene.now)
    assert scene.after(10 * LINGER_US).told() == {}


def test_another_selector_leaves_the_former_workload_in_while_its_pods_live() -> None:
    scene = Scene().deployment("a", "a1").deployment("b", "b1").service().piece("web-a", "a1")
    assert scene.told() == {key(VIP): ("shop/web", ("shop/a",))}
    scene.piece("web-a", "b1").after(S)
    assert scene.told() == {key(VIP): ("shop/web", ("shop/a", "shop/b"))}
    assert scene.after(3600 * S).told() == {}
    assert scene.gone("a1").told() == {}
    assert scene.after(LINGER_US - 1).told() == {}
    assert scene.after(S).told() == {key(VIP): ("shop/web", ("shop/b",))}


def test_a_former_backend_that_comes_back_is_one_again() -> None:
    scene = Scene().deployment("a", "a1").deployment("b", "b1").service().piece("web-a", "a1")
    scene.told()
    scene.piece("web-a", "b1").after(S).told()
    scene.piece("web-a", "a1 b1").after(S).told()
    scene.gone("b1").piece("web-a", "a1").told()
    scene.after(LINGER_US)
    assert scene.stands() == {key(VIP): ("shop/web", ("shop/a",))}


def test_the_order_of_slices_pods_and_owners_does_not_matter() -> None:
    scene = Scene().service().piece("web-a", "f1")
    settled = scene.services.settle(scene.now, scene.now)
    assert settled == ((), False)
    scene.deployment("front", "f1").after(RESOLVE_US // 2)
    settled = scene.services.settle(scene.now, scene.now - S)
    assert settled.complete and [change.state for change in settled.changes] == [State(scene.now - S, "shop/web", ("shop/front",))]


def test_a_backend_that_stays_unknown_is_told_as_such_after_a_while() -> None:
    scene = Scene().service().piece("web-a", "ghost")
    assert not scene.services.settle(scene.now, scene.now).complete
    assert scene.after(RESOLVE_US).told() == {key(VIP): ("shop/web", ("",))}
    assert scene.services.settle(scene.now, scene.now).complete
    scene.bare("ghost").after(S)
    assert scene.told() == {key(VIP): ("shop/web", ("shop/ghost",))}


def test_a_backend_without_a_pod_is_unknown_and_long_remains_so() -> None:
    scene = Scene().bare("p").service().piece("web-a", "p", outside=["192.0.2.1"])
    assert scene.told() == {key(VIP): ("shop/web", ("", "shop/p"))}
    scene.piece("web-a", "p").after(S)
    assert scene.told() == {}
    assert scene.after(UNKNOWN_LINGER_US).told() == {key(VIP): ("shop/web", ("shop/p",))}


def test_a_service_that_goes_is_told_as_none() -> None:
    scene = Scene().bare("p").service("web", VIP, ports=[port(80, "a"), port(81, "b")]).piece("web-a", "p", ports=[("a", 1), ("b", 2)])
    scene.told()
    scene.service("web", VIP, ports=[port(80, "a")]).after(S)
    assert scene.told() == {key(VIP, 81): ("", ())}
    scene.services.service_deleted("shop/web", scene.now)
    assert scene.told() == {key(VIP): ("", ())}
    assert scene.stands() == {}


def test_an_address_that_another_service_gets_keeps_its_former_backends_and_rests() -> None:
    scene = Scene().bare("p", "q").service("web").piece("web-a", "p").service("api", "10.96.0.2").piece("api-a", "q", "api")
    scene.told()
    scene.services.service_deleted("shop/web", scene.now)
    scene.after(S).told()
    scene.service("api", VIP).after(S)
    assert scene.told() == {key("10.96.0.2"): ("", ())}
    assert scene.after(SETTLE_US).told() == {key(VIP): ("shop/api", ("shop/p", "shop/q"))}


def test_an_external_address_that_a_service_takes_over_rests_first() -> None:
    scene = Scene().bare("p").service().piece("web-a", "p")
    scene.told()
    scene.service("web", VIP, externalIPs=["203.0.113.9"]).after(S)
    assert scene.told() == {key("203.0.113.9"): ("", ())}
    assert scene.after(SETTLE_US).told() == {key("203.0.113.9"): ("shop/web", ("shop/p",))}


def test_an_address_that_two_services_claim_is_neithers() -> None:
    scene = Scene().bare("p", "q").service("web", VIP, externalIPs=["203.0.113.9"]).piece("web-a", "p")
    shared = key("203.0.113.9")
    assert scene.told()[shared] == ("shop/web", ("shop/p",))
    scene.service("api", "10.96.0.2", externalIPs=["203.0.113.9"]).piece("api-a", "q", "api").after(S)
    assert scene.told()[shared] == ("", ())
    scene.service("web", VIP).after(SETTLE_US - 1)
    assert scene.told() == {}
    assert scene.after(S).told() == {shared: ("shop/api", ("shop/p", "shop/q"))}


def test_nodes_are_told_by_their_addresses() -> None:
    scene = Scene()
    scene.services.node_changed(read_node(node("n1", ["192.168.0.1", "fd00::5"])), scene.now)
    assert scene.told() == {key("192.168.0.1", 0, 0): ("n1", ()), key("fd00::5", 0, 0): ("n1", ())}
    scene.services.node_changed(read_node(node("n1", ["192.168.0.1", "fd00::5"], version=2)), scene.now)
    assert scene.told() == {}
    scene.services.nodes_replaced([], scene.now)
    assert scene.told() == {key("192.168.0.1", 0, 0): ("", ()), key("fd00::5", 0, 0): ("", ())}


def test_a_list_says_what_went_and_whether_anything_changed() -> None:
    scene = Scene().bare("p")
    web, other = read_service(service("web", [VIP])), read_service(service("api", ["10.96.0.2"]))
    part = read_slice(piece("web-a", "web", ["p"]))
    assert scene.services.services_replaced([web, other], scene.now) and scene.services.slices_replaced([part], scene.now)
    scene.told()
    assert not scene.services.services_replaced([other, web], scene.now) and not scene.services.slices_replaced([part], scene.now)
    assert scene.told() == {}
    assert scene.services.services_replaced([web], scene.now)
    assert scene.told() == {key("10.96.0.2"): ("", ())}
    assert scene.services.slices_replaced([read_slice(piece("web-a", "web", ["p"], version=2))], scene.now)


def test_what_is_over_the_limit_has_no_state_and_says_less_when_there_is_room() -> None:
    scene = Scene(limit=1).bare("p", "q").service("api").service("web", "10.96.0.2").piece("api-a", "p", "api").piece("web-a", "q")
    assert scene.told() == {key(VIP): ("shop/api", ("shop/p",))} and scene.services.refused == 2
    scene.services.service_deleted("shop/api", scene.now)
    scene.gone("p").told()
    scene.after(LINGER_US).told()
    scene.after(HISTORY_US).told()
    assert len(scene.services) == 0
    scene.piece("web-a", "q")
    assert scene.told() == {key("10.96.0.2"): ("shop/web", ("", "shop/q"))}


def test_the_history_holds_every_state_of_the_last_minutes() -> None:
    scene = Scene().deployment("a", "a1").deployment("b", "b1").service().piece("web-a", "a1")
    scene.told()
    begun = scene.now
    scene.piece("web-a", "b1").after(S).told()
    scene.gone("a1").told()
    scene.after(LINGER_US).told()
    states = [change.state for change in scene.services.history(begun)]
    assert [(state.since_us - begun, state.workloads) for state in states] == [
        (0, ("shop/a",)),
        (S, ("shop/a", "shop/b")),
        (S + LINGER_US, ("shop/b",)),
    ]
    assert [change.state for change in scene.services.history(scene.now)] == states[-1:]
    scene.after(HISTORY_US + S).told()
    assert [change.state for change in scene.services.history(0)] == states[-1:]


def test_to_begin_anew_leaves_the_states_of_now() -> None:
    scene = Scene().deployment("a", "a1").deployment("b", "b1").service().piece("web-a", "a1")
    scene.told()
    scene.piece("web-a", "b1").after(S).told()
    scene.services.begin_anew(scene.now)
    assert [change.state for change in scene.services.history(0)] == [State(scene.now, "shop/web", ("shop/a", "shop/b"))]


def test_what_an_earlier_watcher_told_remains_while_its_pods_live() -> None:
    scene = Scene().deployment("a", "a1", "a2").deployment("b", "b1").service().piece("web-a", "b1")
    scene.told()
    scene.services.inherit({key(VIP): ("shop/a", "shop/gone"), key("10.96.9.9"): ("shop/a",)}, scene.now)
    assert scene.stands() == {key(VIP): ("shop/web", ("shop/a", "shop/b"))}
    scene.gone("a1", "a2")
    scene.stands()
    assert scene.after(LINGER_US).stands() == {key(VIP): ("shop/web", ("shop/b",))}


def test_what_was_unknown_to_an_earlier_watcher_is_so_for_a_day() -> None:
    scene = Scene().bare("p").service().piece("web-a", "p")
    scene.told()
    scene.services.inherit({key(VIP): ("", "shop/p")}, scene.now)
    assert scene.stands() == {key(VIP): ("shop/web", ("", "shop/p"))}
    assert scene.after(UNKNOWN_LINGER_US).stands() == {key(VIP): ("shop/web", ("shop/p",))}
