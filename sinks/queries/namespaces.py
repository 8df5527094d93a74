"""The namespace in a workload's name: what stands before its /. Names of weir's own kinds have none."""

from __future__ import annotations

OWN_KINDS = ("node", "pod", "container")
ESCAPE = "namespace/"
"""Stands before a namespace that is called like one of these."""


def namespace_of(workload: str) -> str:
    if workload.startswith(ESCAPE):
        return workload.split("/")[1]
    space, slash, _ = workload.partition("/")
    return space if slash and space not in OWN_KINDS else ""


def namespace_sql(name: str) -> str:
    """The same of an SQL expression."""
    own = "|".join(OWN_KINDS)
    return (
        f"multiIf(match({name}, '^({own})/') OR position({name}, '/') = 0, '', "
        f"startsWith({name}, '{ESCAPE}'), splitByChar('/', toString({name}))[2], splitByChar('/', toString({name}))[1])"
    )
