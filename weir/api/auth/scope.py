"""What a person of limited sight may read of things that are no flows."""

from __future__ import annotations

from sinks.filter.rows import matches
from sinks.filter.sql import dimensions_of
from sinks.filter.tree import Node
from sinks.queries.namespaces import namespace_of

_OF_NAMES = frozenset(("client", "server", "client_namespace", "server_namespace", "service", "domain"))


def sees(scope: Node | None, workload: str) -> bool:
    """Whether a workload by itself is within the scope. A scope by zone, port or address does not say so of any."""
    if scope is None:
        return True
    if not dimensions_of(scope) <= _OF_NAMES:
        return False
    space = namespace_of(workload)
    row = {"client": workload, "server": workload, "client_namespace": space, "server_namespace": space, "service": "", "domain": ""}
    return bool(workload) and matches(scope, row)
