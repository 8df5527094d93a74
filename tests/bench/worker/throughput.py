"""Flows per CPU second of a worker, end to end, at three sizes of message."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.machine import resident_bytes
from tests.bench.reference import reference_seconds
from tests.bench.say import say
from tests.bench.worker.fleet import FLOWS_EACH, REPEATED_EVERY, Fleet
from tests.bench.worker.readings import Reading
from tests.bench.worker.rig import Message, Rig, encoded, opened
from tests.integration.made_recording import half_an_hour_ago_us

REPORTING = range(125)
"""Nodes that report flows; all of the fleet's addresses are known from introductions."""


@dataclass(frozen=True)
class Size:
    """Flows a message; how many of the reporting nodes send in a run, and how many windows of theirs."""

    batch_flows: int
    nodes: int
    windows: int

    @property
    def flows(self) -> int:
        return self.nodes * FLOWS_EACH * self.windows


@dataclass(frozen=True)
class Run:
    """`deliveries`: flows in messages, repeats among them. `reference`: CPU seconds of the reference load just before."""

    size: Size
    deliveries: int
    messages: int
    reading: Reading
    wall_seconds: float
    reference: float
    resident_bytes: int

    @property
    def engine_seconds(self) -> float:
        return self.reading.threads["other"]

    @property
    def total_seconds(self) -> float:
        return sum(self.reading.threads.values())

    @property
    def own_seconds(self) -> float:
        return self.total_seconds - self.engine_seconds

    def by_reference(self, seconds: float) -> float:
        """Deliveries in the CPU time of the reference load, where all of them took so many seconds."""
        return self.deliveries / seconds * self.reference

    def plain(self) -> dict[str, Any]:
        return {
            "batch_flows": self.size.batch_flows,
            "flows": self.size.flows,
            "deliveries": self.deliveries,
            "messages": self.messages,
            "blocks": self.reading.blocks,
            "stages": dict(self.reading.stages),
            "threads": dict(self.reading.threads),
            "own_seconds": self.own_seconds,
            "engine_seconds": self.engine_seconds,
            "wall_seconds": self.wall_seconds,
            "reference_seconds": self.reference,
            "resident_bytes": self.resident_bytes,
        }


@dataclass
class Throughput:
    """Runs by size, interleaved; sums of what was sent, for the check of the tables."""

    sizes: tuple[Size, ...]
    rounds: int
    runs: list[Run] = field(default_factory=list)
    sent_bytes: int = 0
    sent_flows: int = 0

    def of(self, size: Size) -> list[Run]:
        return [run for run in self.runs if run.size == size]

    def rate(self, size: Size, part: str) -> tuple[float, float, float]:
        """Median, least and most flows per CPU second of `own`, `engine` or `total`."""
        rates = sorted(run.deliveries / max(1e-9, getattr(run, f"{part}_seconds")) for run in self.of(size))
        return median(rates), rates[0], rates[-1]


def measure(folder: Path, sizes: tuple[Size, ...], rounds: int, **settings: object) -> Throughput:
    """One worker for all runs; the first of each size warms up and is left out. Raises AssertionError where a table is wrong."""
    found = Throughput(sizes, rounds)
    windows = (1 + rounds) * sum(size.windows + 1 for size in sizes)
    fleet = Fleet(half_an_hour_ago_us() - windows * 10_000_000, windows)
    with opened(folder, **settings) as rig:
        begun = time.monotonic()
        rig.send(encoded(fleet.introductions(REPORTING)))
        rig.wait_until_applied()
        say(f"(fleet introduced in {time.monotonic() - begun:.0f} s)")
        window = 0
        for number in range(1 + rounds):
            for size in sizes:
                run = _run(rig, fleet, size, window, found)
                window += size.windows + 1
                if number:
                    found.runs.append(run)
                say(_line(run, warm_up=not number))
        _check(rig, found)
    return found


def _run(rig: Rig, fleet: Fleet, size: Size, window: int, found: Throughput) -> Run:
    windows = range(window, window + size.windows)
    batches = list(fleet.messages(REPORTING[: size.nodes], windows, size.batch_flows))
    found.sent_flows += size.flows
    found.sent_bytes += sum(int(batch.flows.bytes_sent.sum()) for batch in batches)
    messages = _with_repeats(encoded(batches), window)
    last_words = encoded(fleet.last_words(REPORTING, window + size.windows))
    rig.wait_until_quiet()
    reference, before, begun = reference_seconds(), rig.read(), time.monotonic()
    rig.send(messages)
    rig.send(last_words)
    rig.wait_until_applied()
    wall = time.monotonic() - begun
    rig.wait_until_quiet()
    deliveries = len(messages) * size.batch_flows
    return Run(size, deliveries, len(messages), rig.read().since(before), wall, reference, resident_bytes(rig.worker.pid))


def _with_repeats(messages: list[Message], seed: int) -> list[Message]:
    """One in twenty comes again, some messages later."""
    chance = random.Random(seed)
    after = {min(len(messages) - 1, at + chance.randrange(1, 400)): messages[at] for at in range(seed % 7, len(messages), REPEATED_EVERY)}
    return [one for at, message in enumerate(messages) for one in (message, *([after[at]] if at in after else []))]


def _line(run: Run, *, warm_up: bool) -> str:
    rate = run.deliveries / run.total_seconds
    title = "warm-up" if warm_up else "run"
    return (
        f"({title}, {run.size.batch_flows} flows a message: {run.own_seconds:.2f} + {run.engine_seconds:.2f} CPU s, "
        f"{rate:,.0f} flows a CPU second, {run.reading.blocks:.0f} blocks, {run.wall_seconds:.0f} s)"
    )


def _check(rig: Rig, found: Throughput) -> None:
    """Every flow is there once, in raw and in the rollups."""
    with rig.pipeline.sink() as sink:
        (raw,) = sink.query("SELECT count() AS flows, sum(bytes_sent) AS bytes FROM weir.flows").to_pylist()
        rolled = [
            sink.query(f"SELECT sum(flows) AS flows, sum(bytes_sent) AS bytes FROM weir.flows_{every}").to_pylist()  # noqa: S608
            for every in ("1m", "5m", "1h")
        ]
    wanted = {"flows": found.sent_flows, "bytes": found.sent_bytes}
    assert raw == wanted, f"flows has {raw} of {wanted}"
    assert all(one == [wanted] for one in rolled), f"the rollups have {rolled} of {wanted}"
