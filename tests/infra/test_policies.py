"""Kubernetes' own schemas take the policies that weir writes."""

from __future__ import annotations

import json
import random
import subprocess

from streams.insights.segments.render import render
from tests.infra.charts import tool
from tests.streams.insights.segments import drawn


def test_kubernetes_own_schemas_take_every_policy_and_know_every_field() -> None:
    draw = random.Random(5)
    policies = [drawn.policy(draw, f"p{at}") for at in range(100)]
    place = f"{tool('schemas')}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
    command = [str(tool("kubeconform")), "-strict", "-summary", "-output=json", f"-schema-location={place}"]
    done = subprocess.run(command, input=render(policies, "kubernetes"), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout)["summary"] == {"valid": len(policies), "invalid": 0, "errors": 0, "skipped": 0}
