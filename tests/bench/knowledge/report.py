"""The runs as tables for people."""

from __future__ import annotations

from collections.abc import Sequence

from tests.bench.knowledge.crew import Used
from tests.bench.knowledge.lookups import Verdict
from tests.bench.knowledge.rebuild import Rebuilt
from tests.bench.knowledge.stage import Told
from tests.bench.knowledge.steady import Phase, Steady

_SETTING = "| addresses | nodes | churn | workers"
_RULE = "|---|---|---|---|"
_OF_TIME = "Watermark"
"""Goes with the clock, twice a second and partition, and not with windows."""


def costs(runs: Sequence[Steady]) -> list[str]:
    """CPU, all workers together."""
    repeated = "us a heartbeat heard again | of it learner (map), Kafka's clients | us a heartbeat first heard"
    lines = [f"{_SETTING} | {repeated} | % of a core at 10 s | idle, % of a core |", f"{_RULE}---|---|---|---|---|"]
    for run in runs:
        every = run.measured.all_used
        parts = f"{run.measured.us(every.learner):.2f} ({run.measured.us(every.learn):.2f}), {run.measured.us(every.clients):.2f}"
        first = run.first.us(run.first.all_used.total)
        shares = f"{100 * run.core_share:.1f} | {100 * run.idle:.1f}"
        lines.append(f"{_setting(run)} | {run.measured.us(every.total):.2f} | {parts} | {first:.1f} | {shares} |")
    return lines


def roles(runs: Sequence[Steady]) -> list[str]:
    """The owner's side and a hearer's side, where one worker followed all partitions and the others none."""
    head = f"{_SETTING} | who tells: learner (map), client | one who hears: learner (map), client | us a heartbeat, both |"
    lines = [head, f"{_RULE}---|---|---|"]
    for run in runs:
        phase = run.roles or (run.measured if run.plan.workers == 1 else None)
        if phase is None:
            continue
        teller, hearers = phase.used[0], phase.used[1:]
        heard = _part(phase, sum(hearers, Used()), len(hearers)) if hearers else "-"
        both = phase.us(teller.total) + (phase.us(sum(one.total for one in hearers) / len(hearers)) if hearers else 0.0)
        lines.append(f"{_setting(run)} | {_part(phase, teller, 1)} | {heard} | {both:.2f} |")
    return lines


def topic(runs: Sequence[Steady]) -> list[str]:
    """weir.ownership, and what the workers hold."""
    told = "messages a window (a node) | bytes of records (a node) | bytes on the wire, on disk"
    lines = [f"{_SETTING} | {told} | ranges | MB, one worker (before) |", f"{_RULE}---|---|---|---|---|"]
    for run in runs:
        windows, nodes = run.measured.windows, run.plan.shape.nodes
        messages, size = (_records(of) / windows for of in (run.told.messages, run.told.bytes))
        held = max(run.marks, key=lambda mark: mark.resident)
        records = f"{messages:,.0f} ({messages / nodes:,.1f}) | {size:,.0f} ({size / nodes:,.0f}) | {run.log_bytes / windows:,.0f}"
        lines.append(f"{_setting(run)} | {records} | {held.ranges:,} | {held.resident / 1e6:,.0f} ({run.empty / 1e6:,.0f}) |")
    return lines


def kinds(run: Steady) -> str:
    """What was told in the measured windows, watermarks included."""
    shape = run.plan.shape
    return f"{shape.addresses:,} addresses, {run.plan.workers} workers, told in {run.measured.windows} windows: {_kinds(run.told)}."


def rebuilds(runs: Sequence[Rebuilt]) -> list[str]:
    head = "| addresses | nodes | ranges | messages read | MB of log | seconds to ready | CPU s: learner (map), client | peak MB (before) |"
    lines = [f"{head} wrong look-ups |", "|---|---|---|---|---|---|---|---|---|"]
    for run in runs:
        used, mark = run.used, run.mark
        read = f"{mark.ranges:,} | {sum(run.told.messages.values()):,} | {run.log_bytes / 1e6:,.1f}"
        spent = f"{run.seconds:.1f} | {used.total:.1f}: {used.learner:.1f} ({used.learn:.1f}), {used.clients:.1f}"
        held = f"{mark.peak / 1e6:,.0f} ({run.empty / 1e6:,.0f}) | {run.verdict.wrong} of {run.verdict.asked:,}"
        lines.append(f"| {run.shape.addresses:,} | {run.shape.nodes:,} | {read} | {spent} | {held} |")
    return lines


def verdict_line(found: Verdict) -> str:
    share = 100 * found.nameless / max(1, found.held)
    return (
        f"Look-ups: {found.asked:,}, wrong {found.wrong}. Unattributed although one workload held the address throughout: {share:.2f} % of "
        f"{found.held:,}; of {found.calm:,} where no address changed hands in the window: {found.calm_nameless}."
    )


def by_reference(runs: Sequence[Steady], rebuilt: Sequence[Rebuilt]) -> dict[str, float]:
    """What is compared with the last run."""
    figures = {}
    for run in runs:
        shape = run.plan.shape
        name = f"{shape.addresses:,} addresses on {shape.nodes:,} nodes, churn {shape.churn:g}, {run.plan.workers} workers"
        figures[name] = run.by_reference()
    return figures | {
        f"rebuild of {run.shape.addresses:,} addresses on {run.shape.nodes:,} nodes": run.shape.addresses / run.used.total * run.reference
        for run in rebuilt
    }


def _setting(run: Steady) -> str:
    shape = run.plan.shape
    return f"| {shape.addresses:,} | {shape.nodes:,} | {shape.churn:g} | {run.plan.workers}"


def _part(phase: Phase, used: Used, workers: int) -> str:
    return f"{phase.us(used.learner / workers):.2f} ({phase.us(used.learn / workers):.2f}), {phase.us(used.clients / workers):.2f}"


def _records(of: dict[str, int]) -> int:
    return sum(value for kind, value in of.items() if kind != _OF_TIME)


def _kinds(told: Told) -> str:
    return ", ".join(f"{count:,} {kind} ({told.bytes[kind] / count:.0f} bytes each)" for kind, count in sorted(told.messages.items()))
