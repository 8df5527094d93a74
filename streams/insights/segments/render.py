"""Policies as manifests of one kind: text of YAML documents, by namespace and name."""

from __future__ import annotations

from collections.abc import Sequence

from streams.insights.segments import render_calico, render_cilium, render_kubernetes
from streams.insights.segments.build import Flavour
from streams.insights.segments.policy import Policy
from streams.insights.segments.yaml_text import documents

_KINDS = {"kubernetes": render_kubernetes.manifest, "cilium": render_cilium.manifest, "calico": render_calico.manifest}


def render(policies: Sequence[Policy], flavour: Flavour) -> str:
    """`flavour`: not `none`. Each selector is of labels that the workload's owner has: its pods have to carry them."""
    manifest = _KINDS[flavour]
    ordered = sorted(policies, key=lambda policy: (policy.namespace, policy.name))
    return documents([((*policy.notes, _check(policy)), manifest(policy)) for policy in ordered])


def _check(policy: Policy) -> str:
    labels = ",".join(f"{key}={value}" for key, value in policy.pods.labels)
    return f"its pods: kubectl get pods -n {policy.namespace} -l {labels}"
