"""A module run as a program that cannot build a block with a batch of the node `poison`: `python -m tests.faults.poisoned weir.cli worker`.

A fake: no known batch makes a build fail, and one that does is a defect to mend.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Sequence
from typing import Any

from schemas.records.flow_batch import FlowBatch
from streams.blocks import build

POISON = "poison"


def main(module: str, *arguments: str) -> None:
    merge = build.merge_batches

    def broken(batches: Sequence[FlowBatch], **more: Any) -> Any:
        if any(batch.node_id == POISON for batch in batches):
            raise OverflowError("int too big to convert")
        return merge(batches, **more)

    build.merge_batches = broken  # type: ignore[assignment]
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
