"""The API server of the cluster that this is a pod of: whether it answers, and grants what an agent asks."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from weir.doctor.finding import Finding

if TYPE_CHECKING:
    from producers.kubernetes.transport import Transport
    from weir.settings.catalogue import Settings

PART, RIGHTS = "Kubernetes", "Kubernetes rights"
_NAME_IT = "set WEIR_NODE_NAME to the node's name in the cluster (spec.nodeName)"
_NOBODY = "weir-doctor"
"""A name that no object has: the server says 404 to who may get objects of its kind, 403 to who may not."""


def check_kubernetes(settings: Settings) -> tuple[Finding, ...]:
    """Asks as an agent asks. Changes nothing."""
    from producers.kubernetes.api_client import ApiClient, in_cluster
    from producers.kubernetes.transport import ApiError

    if settings.kubernetes == "off":
        return (Finding(PART, None, "not asked: WEIR_KUBERNETES is off"),)
    server = in_cluster()
    if server is None:
        return (Finding(PART, None, "this is no pod of a cluster"),)
    node, where = settings.node_name or settings.node_id, f"the API server at {server.host}:{server.port}"
    if not node:
        return (Finding(PART, False, f"{where} is there", _NAME_IT),)
    client = ApiClient(server)
    try:
        missing = _missing(client, node)
        known = "get nodes" in missing or _may(client, f"/api/v1/nodes/{quote(node, safe='')}", absent_is_fine=False)
    except OSError as error:
        return (Finding(PART, False, f"{where} does not answer ({error})", "see NetworkPolicies, and the service account's token and CA"),)
    except ApiError as error:
        return (Finding(PART, False, f"{where} answers with {error}", "see the API server's log"),)
    finally:
        client.close()
    if not known:
        return (Finding(PART, False, f"{where} knows no node {node}", _NAME_IT),)
    return (Finding(PART, True, f"{where} answers"), _rights(missing))


def _rights(missing: dict[str, str]) -> Finding:
    if not missing:
        return Finding(RIGHTS, True, "pods list, watch; replicasets, jobs, nodes get")
    rules = "; ".join(dict.fromkeys(missing.values()))
    return Finding(RIGHTS, False, f"may not {', '.join(missing)}", f"add to the agent's ClusterRole: {rules}")


def _missing(client: Transport, node: str) -> dict[str, str]:
    """What is refused, and the rule that would grant it. Raises OSError, and ApiError for any answer but yes and no."""
    pods, here = "/api/v1/pods", f"fieldSelector=spec.nodeName%3D{quote(node, safe='')}"
    asked = (
        ("list pods", f"{pods}?{here}&limit=1", '{apiGroups: [""], resources: [pods], verbs: [list, watch]}'),
        ("watch pods", f"{pods}?{here}&watch=1&timeoutSeconds=1", '{apiGroups: [""], resources: [pods], verbs: [list, watch]}'),
        ("get replicasets", _of("/apis/apps/v1", "replicasets"), "{apiGroups: [apps], resources: [replicasets], verbs: [get]}"),
        ("get jobs", _of("/apis/batch/v1", "jobs"), "{apiGroups: [batch], resources: [jobs], verbs: [get]}"),
        ("get nodes", f"/api/v1/nodes/{_NOBODY}", '{apiGroups: [""], resources: [nodes], verbs: [get]}'),
    )
    return {what: rule for what, path, rule in asked if not _may(client, path)}


def _of(group: str, kind: str) -> str:
    return f"{group}/namespaces/default/{kind}/{_NOBODY}"


def _may(client: Transport, path: str, absent_is_fine: bool = True) -> bool:
    from producers.kubernetes.reflector import METADATA, METADATA_LIST
    from producers.kubernetes.transport import ApiError

    try:
        client.get(path, METADATA_LIST if "&limit=" in path else METADATA)
    except ApiError as error:
        if error.status == 404:
            return absent_is_fine
        if error.status != 403:
            raise
        return False
    return True
