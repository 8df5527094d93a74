"""What it costs a new worker to know everything: weir.ownership from its beginning, with two ranges an address."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.bench.knowledge.crew import LEARN_SECONDS, Mark, Used, WorkerProcess
from tests.bench.knowledge.fleet import FleetShape
from tests.bench.knowledge.lookups import Verdict, question, verdict
from tests.bench.knowledge.stage import Told, new_fleet, opened, reference
from tests.bench.say import say

_LOOK_UPS = 20_000


@dataclass(frozen=True)
class Rebuilt:
    """`told`: what stood on the topic, and `log_bytes` as compressed. `seconds`: to `ready`. `empty`: bytes resident before."""

    shape: FleetShape
    reference: float
    told: Told
    log_bytes: int
    seconds: float
    used: Used
    empty: int
    mark: Mark
    verdict: Verdict

    def plain(self) -> dict[str, Any]:
        return asdict(self)


def measure(folder: Path, shape: FleetShape, partitions: int = 8) -> Rebuilt:
    """One worker tells of two windows, between which every address changes hands; then a new one reads what it told, not compacted."""
    load = reference()
    with opened(folder, partitions) as stage:
        fleet = new_fleet(shape)
        with stage.crew(1, "teller") as crew:
            stage.share(crew, 1)
            for churn in (0.0, 1.0):
                sent, took = stage.window(crew, fleet, churn)
                say(f"  told: {sent:,} heartbeats, {took:.1f} s by the clock")
        told, size = stage.told(0, stage.ownership_end()), stage.ownership_log_bytes()
        with WorkerProcess(stage.bootstrap, "newcomer", partitions) as newcomer:
            begun = newcomer.call("start", timeout=LEARN_SECONDS)
            asked = question(fleet, _LOOK_UPS, seed=0)
            found = verdict(asked, newcomer.call("ask", **asked.plain()))
    before, after = Mark(**begun["before"]), Mark(**begun["after"])
    return Rebuilt(shape, load, told, size, begun["seconds"], Used.between(before, after), before.resident, after, found)
