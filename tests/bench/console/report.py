"""What was measured beside what was aimed at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """`goal`: as people read it. `found`: the same of what was measured. `holds`: None where there is no goal."""

    name: str
    goal: str
    found: str
    holds: bool | None


def at_most(name: str, goal: float, found: float, unit: str, beside: str = "") -> Figure:
    """What is told is compared, to a tenth."""
    return Figure(name, f"<= {goal:g} {unit}", f"{found:,.1f} {unit}{beside}", round(found, 1) <= goal)


def milliseconds(name: str, goal_ms: float | None, took_s: Sequence[float]) -> Figure:
    """The 95th percentile, with the median beside it."""
    ordered = sorted(took_s)
    median, high = (1e3 * ordered[min(len(ordered) - 1, int(len(ordered) * level))] for level in (0.5, 0.95))
    found = f"{high:,.0f} ms (median {median:,.0f} of {len(ordered)})"
    return Figure(name, f"p95 <= {goal_ms:,.0f} ms" if goal_ms else "-", found, high <= goal_ms if goal_ms else None)


def table(figures: Sequence[Figure]) -> list[str]:
    """Lines of a table in Markdown."""
    said = {True: "yes", False: "**no**", None: ""}
    rows = [f"| {one.name} | {one.goal} | {one.found} | {said[one.holds]} |" for one in figures]
    return ["| what | goal | measured | holds |", "|---|---|---|---|", *rows]
