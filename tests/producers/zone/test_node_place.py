"""Zone and region: settings go before labels, labels before the cloud."""

from __future__ import annotations

from typing import Any

import pytest

from producers.kubernetes.place import REGION_LABEL, ZONE_LABEL, Place, place_of
from producers.zone.node_place import NodePlace


class Finder:
    """Stands in for a ZoneFinder that has its answer at once."""

    zone = "cloud-1"

    def __init__(self) -> None:
        self.started = 0

    def start(self) -> None:
        self.started += 1

    def close(self) -> None:
        pass


def place(given: Place, labels: Place | None, finder: Any = None) -> Place:
    return NodePlace(given, lambda: labels, finder).update()


@pytest.mark.parametrize(
    ("given", "labels", "expected"),
    [
        (Place("z", "r"), Place("lz", "lr"), Place("z", "r")),
        (Place("", "r"), Place("lz", "lr"), Place("lz", "r")),
        (Place(), Place("lz", "lr"), Place("lz", "lr")),
        (Place(), Place("", "lr"), Place("cloud-1", "lr")),
        (Place("z"), Place(), Place("z", "")),
        (Place(), None, Place()),
    ],
)
def test_the_first_that_tells_counts(given: Place, labels: Place | None, expected: Place) -> None:
    assert place(given, labels, Finder()) == expected


def test_the_cloud_is_asked_once_and_only_where_labels_name_no_zone() -> None:
    finder: Any = Finder()
    labels: list[Place | None] = [None]
    node = NodePlace(Place(), lambda: labels[0], finder)
    assert node.update() == Place() and finder.started == 0
    labels[0] = Place("", "r")
    assert node.update() == node.update() == Place("cloud-1", "r") and finder.started == 1
    labels[0] = Place("lz", "r")
    assert node.update() == Place("lz", "r")


def test_a_machine_of_no_cloud_is_in_no_zone() -> None:
    assert place(Place(), Place()) == Place()


def test_labels_of_a_node() -> None:
    assert place_of({ZONE_LABEL: "z1", REGION_LABEL: "r1", "other": "x"}) == Place("z1", "r1")
    assert place_of({}) == place_of({ZONE_LABEL: 7, REGION_LABEL: "x" * 64}) == Place()
