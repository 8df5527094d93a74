"""Where a node is, by its labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ZONE_LABEL, REGION_LABEL = "topology.kubernetes.io/zone", "topology.kubernetes.io/region"


@dataclass(frozen=True)
class Place:
    """Empty: not known, or in none."""

    zone: str = ""
    region: str = ""


def place_of(labels: Mapping[str, object]) -> Place:
    return Place(_plain(labels.get(ZONE_LABEL)), _plain(labels.get(REGION_LABEL)))


def _plain(text: object) -> str:
    """A label's value has 63 characters at most."""
    return text if isinstance(text, str) and len(text) <= 63 and text.isprintable() else ""
