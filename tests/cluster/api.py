"""The API server, asked as its administrator over one connection: what kinds there are, and whether an account may do something."""

from __future__ import annotations

import http.client
import json
import ssl
from typing import Any

from tests.cluster.cluster import SERVER, STATE


class Api:
    def __init__(self) -> None:
        pki = STATE / "pki"
        context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
        self._connection = http.client.HTTPSConnection(SERVER, 6443, context=context, timeout=30)

    def close(self) -> None:
        self._connection.close()

    def resources(self) -> dict[str, set[str]]:
        """Verbs of every kind, subresources too, as the API server lists them: {"replicasets.apps": {"get", ...}}."""
        groups = [("", "/api/v1")]
        groups += [(group["name"], f"/apis/{group['preferredVersion']['groupVersion']}") for group in self._ask("GET", "/apis")["groups"]]
        found: dict[str, set[str]] = {}
        for group, path in groups:
            for kind in self._ask("GET", path)["resources"]:
                found[f"{kind['name']}.{group}".rstrip(".")] = set(kind["verbs"])
        return found

    def allows(self, account: str, home: str, verb: str, kind: str, namespace: str) -> bool:
        """Whether the account of the namespace `home` may do so in `namespace`."""
        name, _, group = kind.partition(".")
        resource, _, subresource = name.partition("/")
        wanted = {"namespace": namespace, "verb": verb, "group": group, "resource": resource, "subresource": subresource}
        groups = ["system:serviceaccounts", f"system:serviceaccounts:{home}", "system:authenticated"]
        spec = {"user": f"system:serviceaccount:{home}:{account}", "groups": groups, "resourceAttributes": wanted}
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        return bool(self._ask("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)["status"]["allowed"])

    def _ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        self._connection.request(method, path, body=json.dumps(body) if body else None, headers={"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        said = answer.read()
        assert answer.status in (200, 201), f"{method} {path}: {answer.status} {said[:500]!r}"
        decoded: dict[str, Any] = json.loads(said)
        return decoded
