"""The API server takes the policies that weir writes: a dry run on its side, which changes nothing."""

from __future__ import annotations

import random
from dataclasses import replace

from streams.insights.segments.always import Always
from streams.insights.segments.build import build
from streams.insights.segments.grants import grants_of
from streams.insights.segments.identities import Labelled, identities
from streams.insights.segments.render import render
from tests.cluster.cluster import kubectl
from tests.streams.insights.segments import drawn
from tests.streams.insights.segments.support import edge


def test_the_api_server_takes_every_policy() -> None:
    draw = random.Random(13)
    policies = [replace(drawn.policy(draw, f"p{at}"), namespace="default") for at in range(50)]
    said = kubectl("apply", "--dry-run=server", "-f", "-", given=render(policies, "kubernetes"))
    assert said.count("created (server dry run)") == len(policies)


def test_the_api_server_takes_what_was_learned() -> None:
    names = {f"default/{name}": Labelled(f"default/{name}", "default", {"app": name}) for name in ("web", "api", "db")}
    seen = [edge("default/web", "default/api", 8080), edge("default/api", "default/db", 5432)]
    always = Always(api_server=("10.96.0.1/32",), nodes=("10.250.0.0/24",), metadata=True)
    found = build(grants_of(seen, (), True), names, "kubernetes", identities(tuple(names.values()), {}), {}, {}, always)
    said = kubectl("apply", "--dry-run=server", "-f", "-", given=render(found.policies, "kubernetes"))
    assert said.count("created (server dry run)") == 3
