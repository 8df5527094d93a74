"""How long the description of all contacts is, given groups: what roles are judged by.

A microcanonical block model (Peixoto, Phys. Rev. X 4, 011047, 2014): first the groups, then which services each group serves, by which
groups each is called and how often, then which pairs of members these contacts are between. In nats.
"""

from __future__ import annotations

import numpy as np

from streams.insights.segments.features import Contacts, Floats, Ints
from streams.insights.segments.grouping import with_others

STRUCTURE = 0.7
"""What groups and their services weigh beside the contacts: with 1, roles that differ in one service are one."""


def description(contacts: Contacts, own: Ints) -> float:
    """`own`: the group of each workload, all numbers in use."""
    groups = with_others(own, contacts.ends)
    sizes = np.bincount(groups)
    services = int(contacts.service.max(initial=0)) + 1
    client, server = groups[contacts.client], groups[contacts.server]
    blocks, contacts_of = np.unique((client * len(sizes) + server) * services + contacts.service, return_counts=True)
    service, ends = blocks % services, blocks // services
    pairs = np.maximum(sizes[ends // len(sizes)] * sizes[ends % len(sizes)], contacts_of)
    _, callers = np.unique((ends % len(sizes)) * services + service, return_counts=True)
    served = _chosen(len(sizes) * services, len(callers)) + len(callers) * np.log(len(sizes)) + _chosen(len(sizes), callers).sum()
    often = _chosen(max(len(contacts.client) - 1, 0), max(len(blocks) - 1, 0))
    return float(_chosen(pairs, contacts_of).sum() + STRUCTURE * (served + often + _partition(sizes[: int(own.max(initial=-1)) + 1])))


def _partition(sizes: Ints) -> float:
    from scipy.special import gammaln

    whole = int(sizes.sum())
    return float(gammaln(whole + 1) - gammaln(sizes + 1).sum() + _chosen(max(whole - 1, 0), max(len(sizes) - 1, 0)))


def _chosen(whole: Ints | int, part: Ints | int) -> Floats:
    """Logarithm of the number of ways to choose a part."""
    from scipy.special import gammaln

    found: Floats = gammaln(np.add(whole, 1)) - gammaln(np.add(part, 1)) - gammaln(np.subtract(whole, part) + 1)
    return found
