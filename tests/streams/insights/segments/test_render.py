"""Manifests say what the policies say, whoever reads them."""

from __future__ import annotations

import random

import pytest
import yaml  # type: ignore[import-untyped]

from streams.insights.segments.build import Flavour
from streams.insights.segments.policy import Domain, Entity, Pods, Policy, Port, Requirement, Rule, Selector
from streams.insights.segments.render import render
from streams.insights.segments.render_calico import expression
from tests.streams.insights.segments import drawn
from tests.streams.insights.segments.reading import as_read, read


def normal(policy: Policy) -> Policy:
    """A protocol as a whole beside single ports of it is not told apart by Calico: it has one word for both."""

    def ports(found: tuple[Port, ...]) -> tuple[Port, ...]:
        whole = {one.protocol for one in found if one.port == 0}
        return tuple(dict.fromkeys(one for one in found if one.port == 0 or one.protocol not in whole))

    def rules(found: tuple[Rule, ...] | None) -> tuple[Rule, ...] | None:
        return None if found is None else tuple(Rule(rule.peers, ports(rule.ports)) for rule in found)

    return Policy(policy.name, policy.namespace, policy.pods, rules(policy.ingress), rules(policy.egress))


@pytest.mark.parametrize("flavour", ["kubernetes", "cilium", "calico"])
def test_random_policies_come_back_as_they_were(flavour: Flavour) -> None:
    draw = random.Random(11)  # noqa: S311
    policies = [normal(drawn.policy(draw, f"p{at:03}")) for at in range(150)]
    expected = sorted((as_read(one) for one in policies), key=lambda one: (one[1], one[0]))
    assert read(render(policies, flavour)) == expected


def test_cilium_says_domains_and_entities_and_sees_the_names_that_are_asked_for() -> None:
    rules = (Rule((Entity("api_server"), Domain("api.example")), (Port("tcp", 443),)), Rule((Pods(Selector()),), (Port("udp", 53),)))
    policy = Policy("p", "shop", Selector((("app", "web"),)), (Rule((Entity("node"),), ()),), rules)
    text = render([policy], "cilium")
    assert read(text) == [as_read(policy)]
    (spec,) = [found["spec"] for found in yaml.safe_load_all(text)]
    assert spec["egress"][-1]["toPorts"][0]["rules"] == {"dns": [{"matchPattern": "*"}]}


def test_a_policy_without_rules_denies_everything() -> None:
    nothing = Policy("p", "shop", Selector(), (), ())
    assert yaml.safe_load(render([nothing], "kubernetes"))["spec"]["ingress"] == []
    assert yaml.safe_load(render([nothing], "cilium"))["spec"]["ingress"] == [{}]


def test_what_a_workload_is_called_never_becomes_a_line_of_the_manifest() -> None:
    evil = 'x\n---\nkind: ClusterRoleBinding\nname: "'
    policy = Policy("p", "shop", Selector((("app", "yes"), ("n", "0x1"))), (Rule((), (), evil),), (), (evil,))
    (found,) = yaml.safe_load_all(render([policy], "kubernetes"))
    assert found["kind"] == "NetworkPolicy" and found["spec"]["podSelector"]["matchLabels"] == {"app": "yes", "n": "0x1"}


def test_manifests_are_the_same_in_any_order() -> None:
    draw = random.Random(3)  # noqa: S311
    policies = [drawn.policy(draw, f"p{at}") for at in range(20)]
    assert render(policies, "calico") == render(policies[::-1], "calico")


def test_calico_expressions_have_its_own_words() -> None:
    selector = Selector((("app", "web"),), (Requirement("tier", "NotIn", ("a", "b")), Requirement("x", "DoesNotExist")))
    assert expression(selector) == "app == 'web' && tier not in { 'a', 'b' } && !has(x)"
