"""What a worker says of itself over HTTP, read twice: the difference is what happened in between."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass

_SAMPLE = re.compile(r'^(weir_\w+?)(?:_total)?(?:\{\w+="([^"]+)"\})? ([0-9.e+-]+)$', re.MULTILINE)
CALLS = "calls"


@dataclass(frozen=True)
class Reading:
    """CPU seconds by stage and by thread, flows by outcome, blocks and messages, since the worker began."""

    stages: Mapping[str, float]
    threads: Mapping[str, float]
    flows: Mapping[str, float]
    blocks: float
    messages: float

    def since(self, earlier: Reading) -> Reading:
        pairs = ((self.stages, earlier.stages), (self.threads, earlier.threads), (self.flows, earlier.flows))
        stages, threads, flows = ({name: value - before.get(name, 0.0) for name, value in now.items()} for now, before in pairs)
        return Reading(stages, threads, flows, self.blocks - earlier.blocks, self.messages - earlier.messages)


def read(port: int) -> Reading:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        samples = _SAMPLE.findall(answer.read().decode())

    def labelled(name: str) -> dict[str, float]:
        return {label: float(value) for family, label, value in samples if family == name}

    blocks = sum(float(value) for family, _, value in samples if family == "weir_block_flows_count")
    messages = labelled("weir_messages")
    return Reading(
        labelled("weir_stage_cpu_seconds"), labelled("weir_thread_cpu_seconds"), labelled("weir_flows"), blocks, sum(messages.values())
    )
