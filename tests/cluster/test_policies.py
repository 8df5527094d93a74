"""The API server takes the policies that weir writes: a dry run on its side, which changes nothing."""

from __future__ import annotations

import contextlib
import random
from dataclasses import replace

import pytest

from streams.insights.segments.always import Always
from streams.insights.segments.build import Flavour, Outside, build
from streams.insights.segments.grants import grants_of
from streams.insights.segments.identities import Labelled, identities
from streams.insights.segments.policy import Policy
from streams.insights.segments.render import render
from tests.cluster.cluster import CommandError, kubectl
from tests.infra.charts import tool
from tests.streams.insights.segments import drawn
from tests.streams.insights.segments.support import edge
from tests.support.processes import wait_for

FLAVOURS: tuple[Flavour, ...] = ("kubernetes", "cilium")


@pytest.fixture(scope="module", autouse=True)
def _cilium() -> None:
    """The kind CiliumNetworkPolicy, without Cilium. Applied by the server: a client keeps a copy in the object, and it is too large."""
    kubectl("apply", "--server-side", "-f", str(tool("cilium")))
    wait_for(_served, 60, "the API server to serve CiliumNetworkPolicy", every=0.2)


def _served() -> bool:
    with contextlib.suppress(CommandError):
        return bool(kubectl("get", "--raw", "/apis/cilium.io/v2/ciliumnetworkpolicies"))
    return False


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_the_api_server_takes_every_policy(flavour: Flavour) -> None:
    """Of those that speak of a direction: weir writes no other, and Cilium knows no other."""
    draw = random.Random(13)
    policies = [replace(drawn.policy(draw, f"p{at}"), namespace="default") for at in range(60)]
    spoken = [policy for policy in policies if policy.ingress is not None or policy.egress is not None]
    assert _put(render(spoken, flavour)) == len(spoken) > 40


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_the_api_server_takes_what_was_learned(flavour: Flavour) -> None:
    assert _put(render(_learned(flavour), flavour)) == 3


def test_the_api_server_refuses_what_cilium_does_not_know() -> None:
    """A dry run that takes anything would say nothing of the policies above."""
    text = render(_learned("cilium"), "cilium")
    for right, wrong in (("toFQDNs:", "toNames:"), ("protocol: TCP", "protocol: tcp"), ("- host\n", "- machine\n")):
        assert right in text
        with pytest.raises(CommandError, match=r"unknown field|Unsupported value"):
            _put(text.replace(right, wrong))


def _put(manifests: str) -> int:
    """How many the API server would make of these; CommandError if it refuses one."""
    return kubectl("apply", "--dry-run=server", "-f", "-", given=manifests).count("created (server dry run)")


def _learned(flavour: Flavour) -> tuple[Policy, ...]:
    names = {f"default/{name}": Labelled(f"default/{name}", "default", {"app": name}) for name in ("web", "api", "db")}
    seen = [
        edge("default/web", "default/api", 8080),
        edge("default/api", "default/db", 5432),
        edge("default/api", "", 443, reason="external"),
    ]
    always = Always(api_server=("10.96.0.1/32",), nodes=("10.250.0.0/24",), metadata=True)
    outside = {("default/api", "", "tcp", 443): Outside(("192.0.2.1",), ("cards.example",), True)}
    return build(grants_of(seen, (), True), names, flavour, identities(tuple(names.values()), {}), {}, outside, always).policies
