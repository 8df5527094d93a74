"""By which labels a policy can select a workload's pods: none but those that select it alone in its namespace."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from sinks.queries.namespaces import namespace_of
from streams.insights.segments.policy import Selector

KEYS = ("app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/component", "app", "k8s-app", "component", "name")
"""Labels that stand for what a workload is, in the order in which they are tried; others, as versions, change."""
TOGETHER = 3
LABEL_VALUE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
"""What Kubernetes takes as one; nothing else goes into a policy."""
NAME_SERVERS = {"kube-system/coredns", "kube-system/kube-dns"}
NAME_SERVER_LABELS = {"k8s-app": "kube-dns"}
"""Of the cluster's name server, by convention: what every policy's rule for DNS selects."""


@dataclass(frozen=True)
class Labelled:
    """A workload, as its cluster has it."""

    name: str
    namespace: str
    labels: Mapping[str, str]


@dataclass(frozen=True)
class Identity:
    """`labels`: all that are known of its pods."""

    namespace: str
    selector: Selector
    labels: Mapping[str, str]


def identities(workloads: Sequence[Labelled], given: Mapping[str, Mapping[str, str]]) -> dict[str, Identity]:
    """By name. `given`: labels that a user vouches for; they go before what the cluster says. Who is not among them has none."""
    spaces: dict[str, list[Labelled]] = {}
    for one in workloads:
        spaces.setdefault(one.namespace, []).append(one)
    times = Counter(one.name for one in workloads)
    found: dict[str, Identity] = {}
    for one in workloads:
        if times[one.name] > 1:
            continue  # two kinds of one name: flows do not tell them apart
        if chosen := _alone(one, spaces[one.namespace]):
            found[one.name] = Identity(one.namespace, Selector(chosen), one.labels)
    for name, labels in given.items():
        found[name] = Identity(namespace_of(name), Selector(tuple(sorted(labels.items()))), labels)
    return found


def by_name(names: Iterable[str], workloads: Sequence[Labelled]) -> dict[str, Identity]:
    """Identities of a cluster in which each workload has a label of its own: what would be cut if all could be selected."""
    labels = {one.name: one.labels for one in workloads}
    found = {}
    for name in names:
        known = {**labels.get(name, {}), **(NAME_SERVER_LABELS if name in NAME_SERVERS else {}), WORKLOAD: name}
        found[name] = Identity(namespace_of(name), Selector(((WORKLOAD, name),)), known)
    return found


WORKLOAD = "workload"


def _alone(one: Labelled, space: Sequence[Labelled]) -> tuple[tuple[str, str], ...]:
    """The fewest labels that no other workload of the namespace has; empty: there are none."""
    own = [(key, one.labels[key]) for key in KEYS if LABEL_VALUE.fullmatch(one.labels.get(key, ""))]
    others = [other for other in space if other is not one]
    for count in range(1, TOGETHER + 1):
        for chosen in combinations(own, count):
            if not any(all(other.labels.get(key) == value for key, value in chosen) for other in others):
                return tuple(sorted(chosen))
    return ()
