"""The last figures of this machine beside the new ones, in units of a reference load run beside each: a slow day is no slow program.

A bench writes its JSON with `machine` and, under `by_reference`, figures by name of which more is better: work in the CPU time of the
reference load (`reference.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import orjson

from tests.bench.machine import machine


@dataclass(frozen=True)
class Last:
    """What an earlier run has left, or why it is no use. To be read before it is written over."""

    excuse: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Self:
        if not path.exists():
            return cls(f"No figures of an earlier run in {path} to compare with.")
        try:
            found = orjson.loads(path.read_bytes())
            if found.get("machine") != machine():
                return cls(f"The figures in {path} are of another machine or other versions: not compared.")
            return cls(figures=found.get("by_reference", {}))
        except (orjson.JSONDecodeError, AttributeError) as error:
            return cls(f"{path} cannot be read ({error}), and is written anew: not compared.")

    def beside(self, now: Mapping[str, float]) -> str:
        if self.excuse:
            return self.excuse
        ratios = [f"{name} {value / self.figures[name]:.2f}" for name, value in now.items() if self.figures.get(name)]
        return f"Against the last run on this machine, by the reference load (more is better): {'; '.join(ratios) or 'nothing in common'}."
