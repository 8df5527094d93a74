"""Names of service addresses: which ends are asked for, what is found there, and what nobody puts a label on."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

import numpy as np
import pytest

from schemas.addresses import parse_address
from schemas.records.cluster import NODE_PORTS, ServiceAddress
from schemas.records.ip_event import IpEvent
from streams.attribution.attribute import REASONS, SOURCES, Endpoints, attribute
from streams.attribution.cidr_labels import CidrLabels
from streams.attribution.domains import may_have_domain
from streams.attribution.services import name_services
from streams.ownership.intervals import NOBODY
from streams.ownership.map import OwnershipMap
from tests.streams.ownership.service_words import Word, behind, watched
from tests.streams.support import Said, address, ends_at, statements

SECOND = 1_000_000
SKEW = SECOND // 4
FIRST, LAST = 20 * SECOND, 30 * SECOND
ALWAYS = watched(0, 100 * SECOND)
NODE_PORT = 30_080


def a_map(*words: Word, said: tuple[Said, ...] = (), events: tuple[IpEvent, ...] = ()) -> OwnershipMap:
    known = OwnershipMap(gap_us=25 * SECOND, skew_us=SKEW)
    if said:
        known.learn(statements(said))
    known.learn_events(events)
    known.services.learn(words)
    return known


def a_node(last: int = 1, watcher: str = "w1", since_us: int = 0, node: str = "n1") -> ServiceAddress:
    return ServiceAddress("default", address(last), 0, 0, node, (), since_us, watcher)


def a_node_port(*workloads: str, since_us: int = 0) -> ServiceAddress:
    return ServiceAddress("default", NODE_PORTS, 6, NODE_PORT, "shop/web", workloads, since_us, "w1")


def held(workload: str, port: int = 0, start_us: int = 0, end_us: int = 100 * SECOND) -> Said:
    return Said(workload, start_us, end_us, port=port)


def answer(known: OwnershipMap, ends: Endpoints, labels: CidrLabels | None = None) -> tuple[str, str, str]:
    """The name or the reason in brackets, the source, and the service."""
    named = (labels or CidrLabels()).name(known, ends.ip, name_services(known, ends, attribute(known, ends)))
    (owner,), (source,), (reason,), (service,) = (column.tolist() for column in (named.owner, named.source, named.reason, named.service))
    assert (owner == NOBODY) == bool(REASONS[reason]) == (SOURCES[source] == "none")
    text = known.names.texts
    return f"({REASONS[reason]})" if reason else text[owner], SOURCES[source], "" if service == NOBODY else text[service]


def asked(known: OwnershipMap, port: int = 80, span: tuple[int, int] = (FIRST, LAST), *, ip: bytes = address(1)) -> tuple[str, str, str]:
    return answer(known, ends_at([span], ip, port))


NAMED = ("shop/web", "service", "shop/web")


def test_a_service_address_has_the_name_of_what_stood_behind_it() -> None:
    assert asked(a_map(behind(0, "shop/web"), ALWAYS)) == NAMED
    assert asked(a_map(behind(0, "shop/web", "shop/next"), ALWAYS)) == ("(shared)", "none", "shop/web")
    assert asked(a_map(behind(0, "shop/web"), behind(LAST, "shop/next"), ALWAYS)) == ("(shared)", "none", "shop/web")
    assert asked(a_map(behind(0, "shop/web"), behind(25 * SECOND, "a", service="ops/a"), ALWAYS)) == ("(ambiguous)", "none", "")
    assert asked(a_map(behind(0, "shop/web"), ALWAYS), port=81) == ("(unknown)", "none", "")


def test_clocks_may_differ_by_the_skew() -> None:
    exactly = watched(FIRST - SKEW, LAST + SKEW)
    assert asked(a_map(behind(FIRST - SKEW, "shop/web"), exactly)) == NAMED
    for short in (watched(FIRST - SKEW + 1, LAST + SKEW), watched(FIRST - SKEW, LAST + SKEW - 1)):
        assert asked(a_map(behind(FIRST - SKEW, "shop/web"), short)) == ("(gap)", "none", "")
    assert asked(a_map(behind(0, "shop/web"), behind(LAST + SKEW, "b"), ALWAYS)) == ("(shared)", "none", "shop/web")
    assert asked(a_map(behind(0, "shop/web"), behind(LAST + SKEW + 1, "b"), ALWAYS)) == NAMED
    assert asked(a_map(behind(0, "shop/web"), ALWAYS), span=(LAST, FIRST)) == NAMED


@pytest.mark.parametrize(
    ("said", "events", "wanted"),
    [
        ((held("pod"),), (), ("pod", "heartbeat", "")),
        ((held("pod", end_us=25 * SECOND), held("other", start_us=90 * SECOND)), (), ("(gap)", "none", "")),
        ((), (IpEvent("default", address(1), "lb", True, 0),), ("lb", "ip_event", "")),
        ((held("dns", port=53),), (), NAMED),
    ],
    ids=["heartbeat", "gap", "event", "shared for want of a listener"],
)
def test_heartbeats_and_events_go_first(said: tuple[Said, ...], events: tuple[IpEvent, ...], wanted: tuple[str, str, str]) -> None:
    assert asked(a_map(behind(0, "shop/web"), ALWAYS, said=said, events=events)) == wanted


def test_a_client_is_no_service_and_neither_is_the_machine_itself() -> None:
    known = a_map(behind(0, "shop/web"), replace(behind(0, "shop/web"), ip=parse_address("127.0.0.1")), ALWAYS)
    served = ends_at([(FIRST, LAST)], address(1), 80)
    assert answer(known, replace(served, listening=np.array([False]))) == ("(unknown)", "none", "")
    assert asked(known, ip=parse_address("127.0.0.1")) == ("(shared)", "none", "")


@pytest.mark.parametrize("ip", ["224.0.0.1", "169.254.10.1"])
def test_groups_and_links_are_never_services(ip: str) -> None:
    known = a_map(replace(behind(0, "shop/web"), ip=parse_address(ip)), ALWAYS)
    assert asked(known, ip=parse_address(ip))[0] in ("(group)", "(link_local)")


def test_nobody_puts_a_label_or_a_domain_on_a_service_address() -> None:
    labels = CidrLabels([(ip_network("10.0.0.0/8"), "onprem"), (ip_network("0.0.0.0/0"), "all")])
    public = parse_address("8.8.8.8")
    for words, wanted in (
        ((behind(0, "shop/web"), ALWAYS), NAMED),
        ((behind(0, "shop/web"), watched(0, 10)), ("(gap)", "none", "")),
        ((behind(0, "a", "b"), ALWAYS), ("(shared)", "none", "shop/web")),
        ((behind(0, "a", service=""), ALWAYS), ("onprem", "cidr", "")),
    ):
        assert answer(a_map(*words), ends_at([(FIRST, LAST)], address(1), 80), labels) == wanted
        ends = ends_at([(FIRST, LAST)], public, 80)
        known = a_map(*(replace(word, ip=public) if isinstance(word, ServiceAddress) else word for word in words))
        named = CidrLabels().name(known, public_ip := ends.ip, name_services(known, ends, attribute(known, ends)))
        assert public_ip.shape == (1, 16) and bool(may_have_domain(named)[0]) == (wanted[1] == "cidr")


class TestNodePorts:
    def test_the_service_says_more_than_the_node(self) -> None:
        said = (held("node/n1"),)
        assert asked(a_map(a_node(), a_node_port("shop/web"), ALWAYS, said=said), NODE_PORT) == NAMED
        assert asked(a_map(a_node(), a_node_port("a", "b"), ALWAYS, said=said), NODE_PORT) == ("(shared)", "none", "shop/web")
        assert asked(a_map(a_node(), a_node_port("shop/web"), ALWAYS, said=said), 30_081) == ("node/n1", "heartbeat", "")

    def test_the_listener_of_the_port_says_more_than_the_service(self) -> None:
        for listener in ("kube-system/proxy", "node/n1"):
            said = held("node/n1"), held(listener, port=NODE_PORT)
            assert asked(a_map(a_node(), a_node_port("shop/web"), ALWAYS, said=said), NODE_PORT) == (listener, "heartbeat", "")

    def test_where_the_watcher_is_not_sure_the_node_stays(self) -> None:
        said, node, port = (held("node/n1"),), a_node(), a_node_port("shop/web")
        unsure: tuple[tuple[Word, ...], ...] = (
            (node, port, watched(0, 10)),
            (port, ALWAYS),
            (node, a_node(since_us=25 * SECOND, node="n2"), port, ALWAYS),
            (node, port, replace(port, since_us=25 * SECOND, service="shop/other"), ALWAYS),
            (a_node(watcher="w2"), watched(0, 10, "w2"), port, ALWAYS),
        )
        for words in unsure:
            assert asked(a_map(*words, said=said), NODE_PORT) == ("node/n1", "heartbeat", "")

    def test_a_pod_at_the_same_port_is_a_pod(self) -> None:
        assert asked(a_map(a_node(), a_node_port("shop/web"), ALWAYS, said=(held("pod"),)), NODE_PORT) == ("pod", "heartbeat", "")

    def test_on_a_node_without_an_agent(self) -> None:
        assert asked(a_map(a_node(), a_node_port("shop/web"), ALWAYS), NODE_PORT) == NAMED
        assert asked(a_map(a_node(), a_node_port("shop/web"), watched(0, 10)), NODE_PORT) == ("(gap)", "none", "")
        moved = a_map(a_node(), a_node(since_us=25 * SECOND, node="n2"), a_node_port("shop/web"), ALWAYS)
        assert asked(moved, NODE_PORT) == ("(ambiguous)", "none", "")
        assert asked(a_map(a_node_port("shop/web"), ALWAYS), NODE_PORT) == ("(unknown)", "none", "")

    def test_no_node_is_known_behind_a_service(self) -> None:
        known = a_map(a_node(), a_node_port("shop/web"), ALWAYS, said=(held("node/n1"),))
        ends = ends_at([(FIRST, LAST), (FIRST, LAST)], address(1), NODE_PORT)
        ends = replace(ends, service_port=np.array([NODE_PORT, 22], np.uint16))
        named = name_services(known, ends, attribute(known, ends))
        assert (named.node == NOBODY).tolist() == [True, False]
        assert named.agent.all()
