"""What is allowed beyond what was seen, what always is, what cannot be said, and what would be cut."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from streams.insights.segments.always import Always, in_namespace
from streams.insights.segments.build import Built, Flavour, Outside, build
from streams.insights.segments.cut import Call, calls_of, cut
from streams.insights.segments.drift import drifted
from streams.insights.segments.evaluate import Endpoint, Policies
from streams.insights.segments.grants import grants_of
from streams.insights.segments.identities import Labelled, identities
from streams.insights.segments.policy import Block, Domain, Entity, Pods, Selector
from streams.insights.segments.render import render
from streams.insights.segments.roles import Role
from streams.insights.segments.seen import Edge
from tests.streams.insights.segments.support import edge

WEBS = Role("role-1", "web", tuple(f"shop/web-{at}" for at in range(4)), 1.0)
APIS = Role("role-2", "api", tuple(f"shop/api-{at}" for at in range(4)), 1.0)


def pairs(edges: Sequence[Edge], roles: Sequence[Role], exact: bool = False) -> set[tuple[str, str]]:
    return {(client, server) for one in grants_of(edges, roles, exact) for client in one.clients for server in one.servers}


def test_what_most_of_a_role_does_is_allowed_to_all_of_it() -> None:
    seen = [edge(client, server, 80) for client in WEBS.members[:3] for server in APIS.members[:3]]
    assert pairs(seen, (WEBS, APIS)) == {(client, server) for client in WEBS.members for server in APIS.members}
    assert pairs(seen, (WEBS, APIS), exact=True) == {(one.client, one.server) for one in seen}


def test_what_one_of_a_role_does_is_allowed_to_it_alone() -> None:
    seen = [edge(WEBS.members[0], APIS.members[0], 80)]
    assert pairs(seen, (WEBS, APIS)) == {(WEBS.members[0], APIS.members[0])}


def test_a_client_of_most_of_a_role_may_call_all_of_it() -> None:
    seen = [edge("shop/cron", server, 80) for server in APIS.members[:3]]
    assert pairs(seen, (Role("role-3", "", ("shop/cron",), 1.0), APIS)) == {("shop/cron", server) for server in APIS.members}


def test_an_unsure_role_allows_nothing_beyond_what_was_seen() -> None:
    seen = [edge(client, server, 80) for client in WEBS.members[:3] for server in APIS.members[:3]]
    assert pairs(seen, (Role("role-1", "", WEBS.members, 0.5), APIS)) == {(one.client, one.server) for one in seen}


LABELLED = (
    Labelled("shop/web", "shop", {"app": "web"}),
    Labelled("shop/api", "shop", {"app": "api", "version": "1"}),
    Labelled("pay/api", "pay", {"app.kubernetes.io/name": "api", "app": "all"}),
    Labelled("pay/db", "pay", {"app.kubernetes.io/name": "api", "app": "db"}),
)


def built(edges: Sequence[Edge], flavour: Flavour = "kubernetes", **given: Any) -> Built:
    names = sorted({name for one in edges for name in (one.client, one.server) if name and not name.startswith("node/")})
    ranges: Mapping[str, tuple[str, ...]] = given.get("ranges", {})
    own = identities(LABELLED, {})
    members = [name for name in names if name not in ranges]
    return build(grants_of(edges, (), True), members, flavour, own, ranges, given.get("outside", {}), given.get("always", Always()))


def test_labels_are_chosen_that_select_a_workload_alone_in_its_namespace() -> None:
    found = identities(LABELLED, {"shop/x": {"app": "x"}})
    assert found["shop/api"].selector == Selector((("app", "api"),))
    assert found["pay/db"].selector == Selector((("app", "db"),))
    assert found["pay/api"].selector == Selector((("app", "all"),))
    assert found["shop/x"].selector == Selector((("app", "x"),)) and found["shop/x"].namespace == "shop"


@pytest.mark.parametrize(
    "labelled",
    [
        (Labelled("a/x", "a", {"app": "x"}), Labelled("a/y", "a", {"app": "x"})),
        (Labelled("a/x", "a", {"version": "1"}),),
        (Labelled("a/x", "a", {"app": "x"}), Labelled("a/x", "a", {"app": "y"})),  # two kinds of one name
        (Labelled("a/x", "a", {"app": "x' || all()"}),),
    ],
)
def test_no_label_is_guessed(labelled: tuple[Labelled, ...]) -> None:
    assert identities(labelled, {}) == {}


def test_a_workload_without_a_label_of_its_own_gets_no_policy_and_is_named() -> None:
    found = built([edge("shop/web", "shop/new", 80)])
    assert [policy.name for policy in found.policies] == ["weir-web"]
    assert any(need.startswith("shop/new has no label") for need in found.needs)
    assert not any(rule.note.startswith("seen") for rule in found.policies[0].egress or ())


def test_both_sides_of_an_edge_allow_it_and_nothing_else() -> None:
    found = built([edge("shop/web", "pay/api", 80)])
    asked = Policies(found.policies)
    web, api = Endpoint("", "shop", {"app": "web"}), Endpoint("", "pay", {"app": "all"})
    assert asked.allow(web, api, "tcp", 80)
    assert not asked.allow(web, api, "tcp", 81) and not asked.allow(api, web, "tcp", 80) and not asked.allow(web, api, "udp", 80)


@pytest.mark.parametrize("flavour", ["kubernetes", "cilium", "calico"])
def test_names_and_the_node_are_never_forgotten(flavour: Flavour) -> None:
    (policy,) = built([edge("shop/web", "shop/web", 80)], flavour).policies
    asked = Policies([policy])
    web, dns = Endpoint("", "shop", {"app": "web"}), Endpoint("", "kube-system", {"k8s-app": "kube-dns"})
    assert asked.allow(web, dns, "udp", 53) and asked.allow(web, dns, "tcp", 53)
    assert asked.allow(Endpoint("node"), web, "tcp", 80)
    assert any(peer == Block("169.254.20.10/32") for rule in policy.egress or () for peer in rule.peers)


@pytest.mark.parametrize("flavour", ["kubernetes", "cilium", "calico"])
def test_the_name_server_s_own_policy_lets_every_pod_ask(flavour: Flavour) -> None:
    own = identities((Labelled("kube-system/coredns", "kube-system", {"k8s-app": "kube-dns"}),), {})
    (policy,) = build((), ["kube-system/coredns"], flavour, own, {}, {}, Always()).policies
    dns, new = Endpoint("", "kube-system", {"k8s-app": "kube-dns"}), Endpoint("", "fresh", {"app": "new"})
    assert Policies([policy]).allow(new, dns, "udp", 53) and not Policies([policy]).allow(new, dns, "tcp", 8_080)


def test_the_api_server_and_scrapers_are_allowed_as_they_are_named() -> None:
    always = Always(api_server=("10.96.0.1/32",), scrapers=(Pods(Selector((("app", "prom"),)), in_namespace("watch")),))
    (policy,) = built([edge("shop/web", "shop/web", 80)], always=always).policies
    web = Endpoint("", "shop", {"app": "web"})
    assert Policies([policy]).allow(Endpoint("", "watch", {"app": "prom"}), web, "tcp", 9_090)
    assert any(Block("10.96.0.1/32") in rule.peers for rule in policy.egress or ())


def test_the_metadata_of_the_cloud_is_a_decision() -> None:
    for metadata in (False, True):
        (policy,) = built([edge("shop/web", "shop/web", 80)], always=Always(metadata=metadata)).policies
        assert any(Block("169.254.169.254/32") in rule.peers for rule in policy.egress or ()) == metadata


OUT = [edge("shop/web", "", 443, reason="external")]
KEY = ("shop/web", "", "tcp", 443)


def outside_peers(found: Built) -> set[object]:
    return {peer for policy in found.policies for rule in policy.egress or () if rule.note.startswith("seen") for peer in rule.peers}


def test_few_addresses_outside_stand_as_they_are() -> None:
    found = built(OUT, outside={KEY: Outside(("192.0.2.1", "2001:db8::1"), (), True)})
    assert outside_peers(found) == {Block("192.0.2.1/32"), Block("2001:db8::1/128")}


def test_many_addresses_outside_need_a_range_or_a_name() -> None:
    many = Outside(tuple(f"192.0.2.{at}" for at in range(21)), (), True)
    assert outside_peers(built(OUT, outside={KEY: many})) == set()
    assert any("FQDN" in need for need in built(OUT, outside={KEY: many}).needs)
    ranges = {"partner": ("192.0.2.0/24",), "wide": ("192.0.0.0/8",)}
    assert outside_peers(built(OUT, outside={KEY: many}, ranges=ranges)) == {Block("192.0.2.0/24")}


def test_cilium_takes_names_and_the_others_their_addresses() -> None:
    named = {KEY: Outside(("192.0.2.1",), ("cards.example",), True)}
    assert outside_peers(built(OUT, "cilium", outside=named)) == {Domain("cards.example")}
    assert outside_peers(built(OUT, "calico", outside=named)) == {Block("192.0.2.1/32")}


def test_addresses_that_are_not_all_known_are_no_rule() -> None:
    found = built(OUT, outside={KEY: Outside(("192.0.2.1",), (), False)})
    assert outside_peers(found) == set() and any("192" not in need and "outside" in need for need in found.needs)


def test_a_port_of_a_service_is_not_taken_for_that_of_its_pods() -> None:
    found = built([edge("shop/web", "shop/api", 80, service="shop/api")])
    assert outside_peers(found) == set() and any("port of its pods was not seen" in need for need in found.needs)


def test_a_node_as_a_server_is_an_entity_where_there_are_any() -> None:
    seen = [edge("shop/web", "node/n1", 10_250)]
    assert Entity("node") in outside_peers(built(seen, "cilium"))
    assert outside_peers(built(seen)) == set() and any("node/n1" in need for need in built(seen).needs)


def test_a_manifest_says_what_was_seen() -> None:
    text = render(built([edge("shop/web", "shop/api", 80, connections=1_234)]).policies, "kubernetes")
    assert "# seen: 1,234 connections, 2026-01-05T00:00:00Z to 2026-01-06T00:00:00Z" in text
    assert "# its pods: kubectl get pods -n shop -l app=web" in text


def test_what_was_not_learned_would_be_cut() -> None:
    policies = built([edge("shop/web", "shop/api", 80), *OUT], outside={KEY: Outside(("192.0.2.1",), (), True)}).policies
    later = [edge("shop/web", "shop/api", 80), edge("pay/db", "shop/api", 80, connections=7), edge("pay/db", "pay/api", 80)]
    out = [Call("shop/web", "", "tcp", 443, 3, 9, 0, address) for address in ("192.0.2.1", "192.0.2.2")]
    found = cut(calls_of(later, out), policies, identities(LABELLED, {}), {})
    assert [(one.client, one.server, one.address) for one in found] == [("pay/db", "shop/api", ""), ("shop/web", "", "192.0.2.2")]


def test_what_only_failed_is_not_cut() -> None:
    policies = built([edge("shop/web", "shop/api", 80)]).policies
    assert cut(calls_of([edge("shop/web", "shop/api", 81, works=False)], ()), policies, identities(LABELLED, {}), {}) == ()


def test_drift_is_one_sighting_for_each_client_server_and_port() -> None:
    calls = [Call("a", "b", protocol, 53, 2, 10, 0) for protocol in ("tcp", "udp")] + [Call("", "b", "tcp", 22, 1, 1, 0, "192.0.2.1")]
    found = drifted(calls, "default", 100, 400)
    assert [(one.key.subject, one.key.peer, one.key.service_port, one.count) for one in found] == [
        ("192.0.2.1", "b", 22, 1),
        ("a", "b", 53, 4),
    ]
    assert json.loads(found[1].evidence) == {"protocols": ["tcp", "udp"], "bytes": 20} and found[1].since_us == 100_000_000
