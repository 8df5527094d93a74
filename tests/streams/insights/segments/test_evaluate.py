"""The evaluator against an oracle, and the rules that people trip over."""

from __future__ import annotations

import random
from ipaddress import ip_address

from streams.insights.segments.evaluate import Endpoint, Policies
from streams.insights.segments.policy import Block, Pods, Policy, Port, Rule, Selector
from tests.streams.insights.segments import drawn

WEB, DB = Endpoint("", "shop", {"app": "web"}), Endpoint("", "shop", {"app": "db"})
OF_DB = Selector((("app", "db"),))


def test_ten_thousand_random_policies_say_what_the_oracle_says() -> None:
    draw = random.Random(7)  # noqa: S311
    said = {True: 0, False: 0}
    for _ in range(4_000):
        policies = [drawn.policy(draw, f"p{at}") for at in range(draw.randint(1, 4))]
        asked = Policies(policies)
        for _ in range(5):
            client, server = drawn.endpoint(draw), drawn.endpoint(draw)
            protocol, port = draw.choice(("tcp", "udp")), draw.randint(1, 8)
            expected = drawn.oracle(policies, client, server, protocol, port)
            assert asked.allow(client, server, protocol, port) == expected, (policies, client, server, protocol, port)
            said[expected] += 1
    assert min(said.values()) > 2_000  # neither answer is the usual one


def allowed(policy: Policy, client: Endpoint, server: Endpoint, port: int = 5432) -> bool:
    return Policies([policy]).allow(client, server, "tcp", port)


def test_a_pod_that_no_policy_selects_may_be_called() -> None:
    other = Policy("p", "other", OF_DB, (), None)
    assert allowed(other, WEB, DB)
    assert not allowed(Policy("p", "shop", OF_DB, (), None), WEB, DB)


def test_a_policy_of_ingress_alone_says_nothing_of_egress() -> None:
    assert allowed(Policy("p", "shop", Selector(), None, ()), Endpoint("outside"), DB)
    assert not allowed(Policy("p", "shop", Selector(), None, ()), WEB, DB)


def test_both_sides_must_allow() -> None:
    receives = Policy("in", "shop", OF_DB, (Rule((Pods(Selector((("app", "web"),))),), (Port("tcp", 5432),)),), ())
    sends_nothing = Policy("out", "shop", Selector((("app", "web"),)), None, ())
    assert Policies([receives]).allow(WEB, DB, "tcp", 5432)
    assert not Policies([receives, sends_nothing]).allow(WEB, DB, "tcp", 5432)


def test_a_selector_without_a_namespace_means_the_policy_s_own() -> None:
    policy = Policy("p", "shop", OF_DB, (Rule((Pods(Selector((("app", "web"),))),), ()),), None)
    assert allowed(policy, WEB, DB)
    assert not allowed(policy, Endpoint("", "other", {"app": "web"}), DB)


def test_a_block_leaves_out_its_exceptions() -> None:
    policy = Policy("p", "shop", OF_DB, (Rule((Block("10.0.0.0/8", ("10.1.0.0/16",)),), ()),), None)
    assert allowed(policy, Endpoint("outside", address=ip_address("10.2.0.1")), DB)
    assert not allowed(policy, Endpoint("outside", address=ip_address("10.1.0.1")), DB)


def test_a_node_reaches_its_pods_whatever_a_policy_says() -> None:
    assert allowed(Policy("p", "shop", OF_DB, (), ()), Endpoint("node"), DB)
