"""Lines of a bench's report, seen as soon as they are known."""

from __future__ import annotations

import sys


def say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
