"""The tables for people and the figures for programs."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import orjson

from tests.bench.machine import machine
from tests.bench.peers.contender import Contender
from tests.bench.peers.crashes import Crashed
from tests.bench.peers.rates import Measured

AGENT_FIGURES = Path(".cache/bench-agent.json")
"""What a bench of agents has left, if it has: `{"rows": [{"agent": name, column: figure, ...}, ...]}`."""
RATE_COLUMNS = (
    "contender",
    "flows a CPU second, median",
    "least to most",
    "CPU us a flow",
    "flows a second of wall",
    "bytes a flow, uncompressed",
    "MB resident",
    "leaves out",
)


def rates(contenders: Sequence[Contender], runs: Sequence[Measured]) -> Iterator[str]:
    yield f"| {' | '.join(RATE_COLUMNS)} |"
    yield "|" + "---|" * len(RATE_COLUMNS)
    for contender in contenders:
        mine = [run for run in runs if run.contender == contender.title]
        if mine:
            yield f"| {contender.title} | {_figures(mine)} | {contender.leaves_out} |"


def _figures(runs: Sequence[Measured]) -> str:
    rate = [run.rate for run in runs]
    middle = statistics.median(rate)
    wall = statistics.median(run.deliveries / run.wall_seconds for run in runs)
    sent = statistics.median(run.wire_bytes / run.deliveries for run in runs)
    resident = max(run.resident_bytes for run in runs) / 1e6
    return f"{middle:,.0f} | {min(rate):,.0f} to {max(rate):,.0f} | {1e6 / middle:.2f} | {wall:,.0f} | {sent:.0f} | {resident:,.0f}"


def crashes(outcomes: Sequence[Crashed]) -> Iterator[str]:
    yield "| consumer | kills | rebalances | flows sent | rows found | lost | doubled | never sent | s |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for one in outcomes:
        found = one.balance
        counts = " | ".join(f"{count:,}" for count in (found.sent, found.rows, found.lost, found.doubled, found.strange))
        yield f"| {one.contender} | {one.kills} | {one.rebalances} | {counts} | {one.seconds:.0f} |"


def agents(path: Path = AGENT_FIGURES) -> Iterator[str]:
    """Rows of weir's agent and softflowd, where their bench has been run."""
    rows = orjson.loads(path.read_bytes()).get("rows", []) if path.exists() else []
    if not rows:
        yield f"Agents: no figures in {path}."
        return
    columns = list(rows[0])
    yield "| " + " | ".join(columns) + " |"
    yield "|" + "---|" * len(columns)
    for row in rows:
        yield "| " + " | ".join(str(row.get(name, "-")) for name in columns) + " |"


def by_reference(runs: Sequence[Measured]) -> dict[str, float]:
    """What is compared with the last run: flows read in the CPU time of the reference load, medians."""
    names = dict.fromkeys(run.contender for run in runs)
    return {name: statistics.median(run.rate * run.reference for run in runs if run.contender == name) for name in names}


def write(path: Path, circumstances: Sequence[str], figures: dict[str, Sequence[object]], compared: Mapping[str, float]) -> None:
    """`compared`: what the next run is held against (`last.py`)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    plain = {name: [asdict(one) for one in some] for name, some in figures.items()}  # type: ignore[call-overload]
    whole = {"machine": machine(), "circumstances": list(circumstances), "by_reference": compared, **plain}
    path.write_bytes(orjson.dumps(whole, option=orjson.OPT_INDENT_2))
