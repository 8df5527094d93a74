"""A module run as a program that loses what changed, of who holds which address, and tells all else:
`python -m tests.faults.changes_lost weir.cli worker`.

A fake: one producer's messages to one partition arrive in their order, or none of them does, unless a broker refuses one by itself. What
other workers hear is real: leases of states that none of them has. The program says on stderr when leases follow on changes that were lost.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Collection

from streams.learning.telling import CHANGES, OwnershipTelling
from streams.outputs.producer import Record
from streams.ownership.locked_map import Learned

TOLD = "leases are told that rest on changes that were lost"
_changes, _leases = OwnershipTelling.changes, OwnershipTelling.leases


class Losing:
    def __init__(self) -> None:
        self._lost = False

    def changes(self, telling: OwnershipTelling, learned: Learned) -> list[Record]:
        made = _changes(telling, learned)
        kept = [record for record in made if not record.key.startswith(CHANGES.encode())]
        self._lost |= len(kept) < len(made)
        return kept

    def leases(self, telling: OwnershipTelling, partitions: Collection[int]) -> list[Record]:
        told = _leases(telling, partitions)
        if told and self._lost:
            self._lost = False
            sys.stderr.write(TOLD + "\n")
        return told


def main(module: str, *arguments: str) -> None:
    losing = Losing()
    OwnershipTelling.changes = lambda telling, learned: losing.changes(telling, learned)  # type: ignore[method-assign]
    OwnershipTelling.leases = lambda telling, partitions: losing.leases(telling, partitions)  # type: ignore[method-assign]
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
