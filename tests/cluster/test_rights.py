"""What weir's accounts may do in the cluster: what they need, and nothing else; and what its pods ask of their nodes."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

import pytest

from tests.cluster.api import Api
from tests.cluster.cluster import kubectl, listed
from tests.cluster.installed import ACCOUNTS, NAMESPACE, PARTS, Release
from tests.cluster.shop.objects import NAMESPACE as SHOP

READ = {"get", "list", "watch"}
RIGHTS: dict[str, dict[str, set[str]]] = {
    "weir-agent": {"pods": {"list", "watch"}, "nodes": {"get"}, "replicasets.apps": {"get"}, "jobs.batch": {"get"}},
    "weir-console": {},
    "weir-detector": {},
    "weir-watcher": {
        **dict.fromkeys(("pods", "services", "nodes", "endpointslices.discovery.k8s.io", "jobs.batch", "cronjobs.batch"), READ),
        **{f"{kind}.apps": READ for kind in ("replicasets", "deployments", "statefulsets", "daemonsets")},
    },
    "weir-worker": {},
}
"""In every namespace."""
AT_HOME: dict[str, dict[str, set[str]]] = {"weir-watcher": {"leases.coordination.k8s.io": {"get", "create", "update"}}}
"""In weir's own namespace as well."""
OF_EVERYBODY = {
    "selfsubjectreviews.authentication.k8s.io",
    "selfsubjectaccessreviews.authorization.k8s.io",
    "selfsubjectrulesreviews.authorization.k8s.io",
}


@pytest.fixture(scope="module")
def api(release: Release) -> Iterator[Api]:
    with contextlib.closing(Api()) as api:
        yield api


@pytest.mark.parametrize("account", ACCOUNTS)
@pytest.mark.parametrize("namespace", [NAMESPACE, SHOP, "kube-system"])
def test_an_account_may_do_what_it_needs_and_each_other_verb_is_refused(api: Api, account: str, namespace: str) -> None:
    wanted = {kind: set(verbs) for kind, verbs in RIGHTS[account].items()}
    if namespace == NAMESPACE:
        wanted |= AT_HOME.get(account, {})
    resources = api.resources()
    assert {kind for kind in wanted} <= set(resources)
    allowed = {kind: {verb for verb in verbs if api.allows(account, NAMESPACE, verb, kind, namespace)} for kind, verbs in resources.items()}
    assert {kind: verbs for kind, verbs in allowed.items() if verbs and kind not in OF_EVERYBODY} == wanted


def test_the_api_server_refuses_an_agent_and_answers_it(api: Api) -> None:
    """Not what the rules say alone, but what happens."""
    asked_as = f"--as=system:serviceaccount:{NAMESPACE}:weir-agent"
    assert kubectl("get", "pods", "-n", SHOP, "--field-selector=spec.nodeName=n1", "-o", "name", asked_as)
    for refused in ("get secrets -n weir", "delete pods --all -n shop --dry-run=server", "get services -A"):
        with pytest.raises(AssertionError, match="[Ff]orbidden"):
            kubectl(*refused.split(), asked_as)


def test_the_pods_of_workers_hold_no_token(release: Release) -> None:
    for pod in listed(NAMESPACE, "pods", "app.kubernetes.io/component=worker"):
        assert not any("projected" in volume for volume in pod["spec"]["volumes"]), pod["metadata"]["name"]


def test_all_but_the_agent_keep_to_restricted_pod_security(release: Release) -> None:
    """Each pod that runs is asked for once more in a namespace that enforces it, and not made."""
    name = "restricted"
    kubectl("create", "namespace", name)
    kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
    for pod in listed(NAMESPACE, "pods"):
        part = pod["metadata"]["labels"]["app.kubernetes.io/component"]
        spec = {**pod["spec"], "serviceAccountName": "default", "nodeName": None, "priorityClassName": None, "priority": None}
        again = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": part, "namespace": name}, "spec": spec}
        if part == "agent":
            with pytest.raises(AssertionError, match="violates PodSecurity"):
                kubectl("create", "--dry-run=server", "-f", "-", given=json.dumps(again))
        else:
            kubectl("create", "--dry-run=server", "-f", "-", given=json.dumps(again))


@pytest.mark.parametrize("part", PARTS)
def test_the_doctor_in_a_pod_says_that_all_is_fit(release: Release, part: str) -> None:
    kubectl("-n", NAMESPACE, "exec", part, "--", "weir", "doctor", "--for", part.rpartition("-")[2])
