"""The last figures of this machine beside the new ones, as flows in the CPU time of the reference load: a slow day is no slow worker."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

import orjson

from tests.bench.machine import machine


def beside_last(path: Path, runs: list[dict[str, Any]]) -> str:
    """`path`: where the last figures were written, `runs`: the new ones, both as `Run.plain`."""
    if not path.exists():
        return f"No figures of an earlier run in {path} to compare with."
    try:
        last = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        return f"{path} cannot be read ({error}), and is written anew: not compared."
    if last["machine"] != machine():
        return f"The figures in {path} are of another machine or other versions: not compared."
    ratios = []
    for size in dict.fromkeys(run["batch_flows"] for run in runs):
        now, before = ([run for run in some if run["batch_flows"] == size] for some in (runs, last["runs"]))
        if before:
            own, both = (_by_reference(now, part) / _by_reference(before, part) for part in (False, True))
            ratios.append(f"{size} flows a message {own:.2f} without the engine, {both:.2f} both")
    return f"Against the last run on this machine, by the reference load: {'; '.join(ratios) or 'no size in common'}."


def _by_reference(runs: list[dict[str, Any]], engine: bool) -> float:
    """Flows in the CPU time of the reference load: the median."""
    return median(run["deliveries"] / (run["own_seconds"] + engine * run["engine_seconds"]) * run["reference_seconds"] for run in runs)
