"""The runs as tables for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from statistics import median

from tests.bench.worker.throughput import Run, Size, Throughput

GOALS = {"own": 500_000, "total": 200_000}
_TITLES = {"own": "worker without the engine", "engine": "engine, every rollup", "total": "both"}
_OF_BLOCKS = ("dedup", "forward", "lookup", "block", "insert", "downstream", "publish")


def rates(found: Throughput) -> list[str]:
    """Flows per CPU second: medians, and the least and the most."""
    lines = ["| flows a message | part | us a flow | flows per CPU second | least to most | goal |", "|---|---|---|---|---|---|"]
    for size in found.sizes:
        for part, title in _TITLES.items():
            middle, least, most = found.rate(size, part)
            goal = f"{GOALS[part]:,}" if part in GOALS and size == found.sizes[0] else ""
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
    reference = median(run.deliveries / run.total_seconds * run.reference for run in runs)
    return (
        f"{size.batch_flows} flows a message: {blocks:,.0f} flows a block; {rate:,.0f} flows a second by the clock, broker and sender "
        f"on the same cores; {reference:,.0f} flows in the CPU time of the reference load; "
        f"{max(run.resident_bytes for run in runs) / 1e6:,.0f} MB resident."
    )


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
    yield "read ahead", _sum(threads, "knowledge") - _sum(steps, "learn")
    yield "Faust", _sum(threads, "loop") - _sum(steps, "decode")
    yield "aiokafka", _sum(threads, "consumer")
    yield "librdkafka", _sum(threads, "librdkafka")
    yield "between steps", _sum(threads, "blocks") - _sum(steps, *_OF_BLOCKS)
    yield "engine", run.engine_seconds


def _sum(of: Mapping[str, float], *names: str) -> float:
    return sum(of.get(name, 0.0) for name in names)
