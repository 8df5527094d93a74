"""The outcomes as a table for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Sequence

from tests.bench.attribution.runs import Outcome, Score
from tests.bench.attribution.weir_way import Rules
from tests.bench.machine import machine
from tests.simulator.scenario import Scenario

SECOND_US = 1_000_000


def circumstances(scenario: Scenario, rules: Rules) -> list[str]:
    return [
        machine(),
        f"Seed {scenario.seed}; {scenario.horizon_us // SECOND_US} s, {scenario.nodes} nodes, {scenario.addresses} pod addresses, "
        f"{scenario.agentless} without an agent, {scenario.listeners_per_node} listeners a node, {scenario.workloads} workload names.",
        f"{scenario.late:.0%} of messages late by up to {scenario.late_us // SECOND_US} s, {scenario.repeated:.0%} repeated, "
        f"{scenario.node_deaths:.0%} of nodes die, {scenario.backlogs:.0%} are cut off for up to a quarter of the time, "
        f"{scenario.return_rate:.0%} of tenures give an address back to the owner before the last.",
        f"Worker: skew {rules.skew_us // 1000} ms, gap {rules.gap_us // SECOND_US} s, hold {rules.hold_us // SECOND_US} s.",
    ]


def table(outcomes: Sequence[Outcome]) -> list[str]:
    """One line an attributor and scenario."""
    lines = [
        "| life | talks | clocks apart | lost | records | at edges | attributor | wrong | wrong % | unattributed % | of these | right % |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    rows = [(*_place(outcome, score), *_figures(outcome, score)) for outcome in outcomes for score in outcome.scores]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def sums(outcomes: Sequence[Outcome]) -> str:
    odd = [outcome for outcome in outcomes if not outcome.adds_up]
    if odd:
        return f"Canonical bytes differ from the true traffic in {len(odd)} of {len(outcomes)} runs."
    total, twice = (sum(getattr(outcome, name) for outcome in outcomes) for name in ("true_bytes", "unheard_bytes"))
    runs = sum(outcome.unheard_bytes > 0 for outcome in outcomes)
    return (
        f"Canonical bytes between nodes with agents equal the true traffic in {len(outcomes) - runs} of {len(outcomes)} runs "
        f"({total:,} bytes in all). In {runs}, {twice:,} bytes count twice: nobody had ever heard of the client's node, which was cut off "
        "from its first window on, when the server's view had waited as long as it may."
    )


def nodes(outcomes: Sequence[Outcome]) -> str:
    placeable, placed, misplaced = (sum(getattr(outcome, name) for outcome in outcomes) for name in ("placeable", "placed", "misplaced"))
    return (
        f"Of {placeable:,} records whose remote end is named and on a node with an agent, {placed / max(1, placeable):.3%} have its node; "
        f"{misplaced:,} have a right name with another one."
    )


def _place(outcome: Outcome, score: Score) -> tuple[str, ...]:
    scenario = outcome.scenario
    if score is not outcome.weir:
        return "", "", "", "", "", "", score.attributor
    return (
        f"{scenario.life_us // SECOND_US} s",
        f"all but {scenario.settle_us / SECOND_US:.1f} s at its ends" if scenario.settle_us else "all of it",
        f"{scenario.skew_us // 1000} ms",
        f"{scenario.lost:.0%}",
        f"{outcome.records:,}",
        f"{outcome.at_edges / outcome.records:.2%}",
        score.attributor,
    )


def _figures(outcome: Outcome, score: Score) -> tuple[str, ...]:
    share = 100 / outcome.records
    reasons = ", ".join(f"{reason} {count * share:.2f}" for reason, count in score.reasons.items())
    return f"{score.wrong:,}", f"{score.wrong * share:.3f}", f"{score.unattributed * share:.2f}", reasons, f"{score.right * share:.2f}"
