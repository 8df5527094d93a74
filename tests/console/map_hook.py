"""What the map says of itself to tests (`window.weirMap`): it is a canvas, and nothing of it is in the page."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

from playwright.sync_api import Page


@dataclass(frozen=True)
class Box:
    """A shape, or the words beside an edge. `place`: on the plane; the rest in pixels of the window."""

    key: str
    place: tuple[float, float]
    left: float
    top: float
    width: float
    height: float

    @property
    def x(self) -> float:
        return self.left + self.width / 2

    @property
    def y(self) -> float:
        return self.top + self.height / 2

    def overlaps(self, other: Box) -> bool:
        """By more than the rounding of a pixel."""
        wide = min(self.left + self.width, other.left + other.width) - max(self.left, other.left)
        high = min(self.top + self.height, other.top + other.height) - max(self.top, other.top)
        return wide > 0.5 and high > 0.5


def shown(page: Page) -> int:
    """How often a picture was shown."""
    return int(page.evaluate("window.weirMap?.shown ?? 0"))


def wait_for_another(page: Page, before: int) -> None:
    page.wait_for_function("before => (window.weirMap?.shown ?? 0) > before", arg=before)


def boxes(page: Page) -> dict[str, Box]:
    """Shapes by their keys, once a picture is there."""
    wait_for_another(page, 0)
    corner = page.locator("canvas").first.bounding_box()
    assert corner is not None
    return {one["key"]: _box(one, one["key"], corner["x"], corner["y"]) for one in page.evaluate("window.weirMap.boxes()")}


def badges(page: Page) -> list[Box]:
    return [_box(one, one["text"], 0, 0) for one in page.evaluate("window.weirMap.badges()")]


def box_of(page: Page, key: str) -> Box:
    return boxes(page)[key]


def states(page: Page) -> dict[tuple[str, str], str]:
    """How each edge is drawn: plain, failing, new, gone, ..."""
    return {(one["from"], one["to"]): one["state"] for one in page.evaluate("window.weirMap.edges()")}


def overlapping(found: list[Box]) -> list[tuple[str, str]]:
    return [(one.key, other.key) for one, other in combinations(found, 2) if one.overlaps(other)]


def _box(told: dict[str, Any], key: str, x: float, y: float) -> Box:
    place = tuple(told.get("place", (0, 0)))
    return Box(key, (place[0], place[1]), told["left"] + x, told["top"] + y, told["width"], told["height"])
