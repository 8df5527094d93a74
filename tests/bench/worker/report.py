"""The runs as tables for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from tests.bench.worker.memory import Memory
from tests.bench.worker.scaling import Scaled
from tests.bench.worker.tables import Insert, Query
from tests.bench.worker.throughput import Run, Size, Throughput

GOALS = {"own": 260_000, "total": 110_000}
GOALS_AT = 2_000
"""Flows a message, for which the goals are meant."""
_TITLES = {"own": "worker without the engine", "engine": "engine, every rollup", "total": "both"}
_OF_BLOCKS = ("dedup", "forward", "lookup", "block", "insert", "downstream", "publish")


def rates(found: Throughput) -> list[str]:
    """Flows per CPU second: medians, and the least and the most."""
    lines = ["| flows a message | part | us a flow | flows per CPU second | least to most | goal |", "|---|---|---|---|---|---|"]
    for size in found.sizes:
        for part, title in _TITLES.items():
            middle, least, most = found.rate(size, part)
            goal = f"{GOALS[part]:,}" if part in GOALS and size.batch_flows == GOALS_AT else ""
            lines.append(f"| {size.batch_flows} | {title} | {1e6 / middle:.2f} | {middle:,.0f} | {least:,.0f} to {most:,.0f} | {goal} |")
    return lines


def stages(found: Throughput) -> list[str]:
    """What each step costs, medians of all runs of a size, and the same by message for what is paid by message."""
    sizes = found.sizes
    lines = ["| step | " + " | ".join(f"us a flow at {size.batch_flows}" for size in sizes) + " |", "|---" * (1 + len(sizes)) + "|"]
    shares = {size: [dict(_steps(run)) for run in found.of(size)] for size in sizes}
    for step in shares[sizes[0]][0]:
        cells = [
            f"{median(1e6 * one[step] / run.deliveries for one, run in zip(shares[size], found.of(size), strict=True)):.2f}"
            for size in sizes
        ]
        lines.append(f"| {step} | " + " | ".join(cells) + " |")
    by_message = [
        f"{median(1e6 * one['Faust'] / run.messages for one, run in zip(shares[size], found.of(size), strict=True)):.0f}" for size in sizes
    ]
    lines.append("| Faust, us a message | " + " | ".join(by_message) + " |")
    by_consumer = [
        f"{median(1e6 * one['aiokafka'] / run.messages for one, run in zip(shares[size], found.of(size), strict=True)):.0f}"
        for size in sizes
    ]
    lines.append("| aiokafka, us a message | " + " | ".join(by_consumer) + " |")
    return lines


def circumstances(found: Throughput, size: Size) -> str:
    runs = found.of(size)
    blocks = median(run.reading.flows.get("applied", 0.0) / max(1.0, run.reading.blocks) for run in runs)
    rate = median(run.deliveries / run.wall_seconds for run in runs)
    reference = median(run.by_reference(run.total_seconds) for run in runs)
    return (
        f"{size.batch_flows} flows a message: {blocks:,.0f} flows a block; {rate:,.0f} flows a second by the clock, broker and sender "
        f"on the same cores; {reference:,.0f} flows in the CPU time of the reference load; "
        f"{max(run.resident_bytes for run in runs) / 1e6:,.0f} MB resident."
    )


def by_reference(runs: Sequence[Run]) -> dict[str, float]:
    """What is compared with the last run: medians by size, without the engine and with it."""
    found = {}
    for size in dict.fromkeys(run.size.batch_flows for run in runs):
        mine = [run for run in runs if run.size.batch_flows == size]
        found[f"{size} flows a message without the engine"] = median(run.by_reference(run.own_seconds) for run in mine)
        found[f"{size} with it"] = median(run.by_reference(run.total_seconds) for run in mine)
    return found


def memory_lines(held: Memory) -> list[str]:
    return [
        f"Memory: {held.bytes_an_address:.0f} MB a million addresses with {held.ranges:.1f} time ranges each; "
        f"{held.bytes_a_key:.1f} MB a million remembered flow keys of open windows."
    ]


def table_lines(inserted: Sequence[Insert], day: Query) -> list[str]:
    lines = ["| flows a block | raw table, us a flow | with flows_1m, 5m, 1h | with edges too | both / raw |", "|---|---|---|---|---|"]
    for one in inserted:
        share = (one.with_rollups - one.raw) / one.raw
        lines.append(f"| {one.block_flows:,} | {one.raw:.2f} | {one.without_edges:.2f} | {one.with_rollups:.2f} | {share:.2f} |")
    question = f"A day's top pairs: {day.milliseconds:.0f} ms over {day.rows:,} rows of flows_1h, which stand for {day.raw_flows:,} flows."
    return [*lines, "", question]


def scaling_lines(scaled: Sequence[Scaled]) -> list[str]:
    lines = [
        "| workers | CPU, us a flow | beside one worker's | without idling | idle, % of a core each | by the clock, flows a second |",
        "|---|---|---|---|---|---|",
    ]
    alone = scaled[0]
    for one in scaled:
        cells = (
            f"{1e6 * one.cpu_seconds / one.flows:.1f}",
            f"{one.cpu_seconds / alone.cpu_seconds:.2f}",
            f"{one.busy_seconds / alone.busy_seconds:.2f}",
            f"{100 * one.idle_share / one.workers:.1f}",
            f"{one.flows / one.wall_seconds:,.0f}",
        )
        lines.append(f"| {one.workers} | {' | '.join(cells)} |")
    return [
        *lines,
        "",
        f"{alone.flows:,} flows; the driver's rows are in it, and behind it a stand-in for a server.",
        "The tables are the same: counts, sums, hours.",
    ]


def _steps(run: Run) -> Iterator[tuple[str, float]]:
    steps, threads = run.reading.stages, run.reading.threads
    yield "decode", _sum(steps, "decode")
    yield "dedup", _sum(steps, "dedup", "forward")
    yield "as-of look-up", _sum(steps, "lookup")
    yield "canonical, block", _sum(steps, "block")
    yield "insert, this side", _sum(steps, "insert")
    yield "downstream encode", _sum(steps, "downstream")
    yield "publish", _sum(steps, "publish")
    yield "learn ownership", _sum(steps, "learn")
    yield "read ahead", _sum(threads, "learner") - _sum(steps, "learn")
    yield "Faust", _sum(threads, "loop") - _sum(steps, "decode")
    yield "aiokafka", _sum(threads, "consumer")
    yield "librdkafka", _sum(threads, "librdkafka")
    yield "between steps", _sum(threads, "blocks") - _sum(steps, *_OF_BLOCKS)
    yield "engine", run.engine_seconds


def _sum(of: Mapping[str, float], *names: str) -> float:
    return sum(of.get(name, 0.0) for name in names)
