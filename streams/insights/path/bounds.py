"""What few attempts say of many: bounds at 95 %, without a library of statistics."""

from __future__ import annotations

import math
from dataclasses import dataclass

Z = 1.959964
"""Of the normal distribution, both sides, at 95 %."""


@dataclass(frozen=True)
class Share:
    """Bounds of a share of 1."""

    low: float
    high: float


def wilson(hits: int, tries: int) -> Share:
    """Wilson's score interval (1927) of a binomial share. Of no tries: all that is possible."""
    if not tries:
        return Share(0.0, 1.0)
    share, z2 = hits / tries, Z * Z
    middle = share + z2 / (2 * tries)
    spread = Z * math.sqrt(share * (1 - share) / tries + z2 / (4 * tries * tries))
    whole = 1 + z2 / tries
    return Share(max(0.0, (middle - spread) / whole) if hits else 0.0, min(1.0, (middle + spread) / whole) if hits < tries else 1.0)


def at_most(tries: int) -> float:
    """The largest share of failures that `tries` successes without one leave likely: exact, and near 3 / tries (the rule of three)."""
    return 1 - 0.05 ** (1 / tries) if tries else 1.0


def still_silent(per_second: float, seconds: float) -> float:
    """Probability that events of a Poisson process of this rate leave so long a pause."""
    return math.exp(-per_second * seconds)
