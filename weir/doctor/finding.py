"""One part's result."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """`fit` None: not needed as things are set. `remedy` is empty unless something is to be done."""

    part: str
    fit: bool | None
    found: str
    remedy: str = ""

    @property
    def verdict(self) -> str:
        return "-" if self.fit is None else "yes" if self.fit else "no"
