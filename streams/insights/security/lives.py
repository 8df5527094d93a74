"""How old a workload is, and when it was changed: what is new of a new workload, or of a new version, is expected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

DAY_S, HOUR_S = 86_400, 3_600
LEARNING_S = 7 * DAY_S
"""A workload is new for so long. Where the tables go back less far, all are new."""
DEPLOY_S = HOUR_S
"""What begins so soon after a change is that of the new version."""
FAMILIAR_S = DAY_S
"""And so long, where it is nothing strange besides."""
PASSING = ("pod/", "container/")
"""Names without a life of their own: each is new, and none comes back."""
NODE = "node/"
"""Stands for all processes of a machine's own, and for probes of what was scheduled there a minute ago."""


@dataclass(frozen=True)
class Life:
    """`born_s`: when it was first seen or declared. `changed_s`: when it was declared anew: its start, new labels. UTC seconds."""

    born_s: int
    changed_s: tuple[int, ...] = ()

    def is_settled(self, at_s: int) -> bool:
        return at_s - self.born_s >= LEARNING_S

    def is_changed(self, at_s: int, within_s: int = DEPLOY_S) -> bool:
        return any(0 <= at_s - changed < within_s for changed in self.changed_s)


Lives = Mapping[tuple[str, str], Life]
"""By network and name. A name that is absent is new."""


def is_expected(lives: Lives, network: str, name: str, at_s: int, within_s: int = DEPLOY_S) -> bool:
    """Whether something new is no wonder with this workload at the time."""
    life = lives.get((network, name))
    return life is None or not life.is_settled(at_s) or life.is_changed(at_s, within_s)


def is_fresh(at_s: int, since_s: int, within_s: int = DEPLOY_S) -> bool:
    """Whether all that did it took up its address just before: new replicas, as a deploy makes them that no label tells of."""
    return 0 <= at_s - since_s < within_s


def is_lasting(name: str) -> bool:
    """Whether what is new of a name can be told from what is new because the name is."""
    return bool(name) and not name.startswith((*PASSING, NODE))
