"""How sure it is that a workload belongs to its role: how often it still fits best there when a fifth of all contacts was not seen."""

from __future__ import annotations

import numpy as np

from streams.insights.segments.communities import Profile
from streams.insights.segments.features import Contacts, Floats, Ints, traits_of
from streams.insights.segments.grouping import with_others

DRAWS, DROPPED = 20, 0.2
SURE = 0.7
"""A workload that stays less often is unsure, and has a role of its own."""
SEED = 0


def confidence(contacts: Contacts, own: Ints) -> Floats:
    """Of each workload, 0 to 1: a bootstrap over contacts (Efron 1979), with a fixed seed."""
    rng = np.random.default_rng(SEED)
    groups = with_others(own, contacts.ends)
    traits = traits_of(contacts, groups)
    profile = Profile.of(traits, own)
    stays = np.zeros(len(own))
    for _ in range(DRAWS):
        seen = traits_of(contacts.taken(rng.random(len(contacts.client)) >= DROPPED), groups, traits.keys)
        stays += profile.nearest(own, seen) == own
    return stays / DRAWS
