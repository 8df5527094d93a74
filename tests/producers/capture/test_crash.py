"""An agent that dies between any two steps, and one that starts after it: what reaches the topic is what was counted, once."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from producers.capture.batches import Source
from producers.capture.collector import Collector
from producers.capture.encode import BatchEncoder
from producers.capture.window import window_at
from producers.identity.last_snapshot import SnapshotFile
from producers.publish.sender import Sender
from producers.spool import atomic_write as durable
from producers.spool import recovery
from producers.spool.journal import Journal, State
from producers.spool.spool import Spool
from schemas.wire.framing import Framer
from tests.producers.fakes import SECOND, Crash, FakeClock, FakeKernel, FakeProbe, FakeSurvey, FakeTopic, totals

START_US = 1_700_000_000 * SECOND
BIG, SMALL = 1 << 24, 5 * 4096


@dataclass
class World:
    """What outlives a process: the kernel, the disk, Kafka, and the account of what was really sent."""

    directory: Path
    limit: int
    fatal_tick: int
    kernel: FakeKernel = field(default_factory=FakeKernel)
    clock: FakeClock = field(default_factory=lambda: FakeClock(START_US))
    topic: FakeTopic = field(default_factory=FakeTopic)
    ticks: int = 0
    crashes: int = 0
    packets: int = 0
    bytes: int = 0
    mortal_ticks: int = 0  # ticks until the quiet end

    def tick(self) -> None:
        self.ticks += 1
        if self.ticks == self.fatal_tick:
            raise Crash

    def traffic(self, random_: random.Random) -> None:
        for _ in range(random_.randrange(5)):
            packets, size = random_.randrange(1, 99), random_.randrange(60, 9999)
            self.kernel.count(random_.choice((7, 8, 9, 1000)), random_.randrange(40), packets, size)
            self.packets, self.bytes = self.packets + packets, self.bytes + size
        if random_.random() < 0.3:
            self.kernel.lose("map_full", 3, 180)
            self.packets, self.bytes = self.packets + 3, self.bytes + 180


class TickingJournal(Journal):
    tick: Callable[[], None]

    def write(self, state: State) -> None:
        self.tick()
        super().write(state)
        self.tick()


class Process:
    """One agent without its threads: what it does at a window's end, and what its sender does then."""

    def __init__(self, world: World, adopted: bool) -> None:
        self.world = world
        self.journal = TickingJournal(world.directory / "journal")
        self.journal.tick = world.tick
        spool = Spool(world.directory / "spool", world.limit)
        probe = FakeProbe(world.kernel, adopted, world.tick)
        lost = recovery.account(probe.lost())
        state = recovery.next_state(self.journal.read(), adopted, "boot", world.clock.now_us(), lost, spool.next_seq)
        source = Source("n1", state.epoch, "r", "default")
        looks = SnapshotFile(world.directory / "last-look", "boot")
        self.collector = Collector(probe, FakeSurvey(), spool, self.journal, looks, world.clock, BatchEncoder(Framer()), source, state, 3)
        world.topic.tick = world.tick
        self.sender = Sender(spool, world.topic, "weir.flows", b"n1")
        try:
            self.collector.start(1)
        except Crash:
            self.die()
            raise

    def window(self) -> None:
        self.collector.close_window(window_at(self.world.clock.now_us() - SECOND, 1))
        self.sender.step(0)
        self.collector.save_risk()

    def die(self) -> None:
        self.world.crashes += 1
        self.world.topic.forget_waiting()
        self.journal.close()


def live(world: World, seed: int, windows: int, outage: range) -> None:
    """Windows with traffic, an agent started again whenever it died, and at last Kafka up and a quiet end."""
    random_ = random.Random(seed)
    process: Process | None = None
    started = False
    for number in range(windows):
        world.topic.up = number not in outage
        world.traffic(random_)
        world.clock.us = START_US + (number + 1) * SECOND
        try:
            process = process or Process(world, started)
            started = True
            process.window()
        except Crash:  # Its successor starts within the next window.
            started = True
            if process is not None:
                process.die()
            process = None
    world.mortal_ticks = world.ticks
    world.fatal_tick, world.topic.up = 0, True
    for number in range(windows, windows + 3):
        world.clock.us = START_US + (number + 1) * SECOND
        process = process or Process(world, True)
        process.window()
        for _ in range(30):
            process.sender.step(0)
    assert process is not None
    process.journal.close()


@pytest.fixture
def ticking_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[World], None]:
    real = durable.write_file
    for sync in ("fsync", "fdatasync"):  # A process that dies leaves the page cache as it is; waiting for the disk would prove nothing.
        monkeypatch.setattr(f"os.{sync}", lambda descriptor: None)

    def arm(world: World) -> None:
        def write_file(path: Path, data: bytes) -> None:
            world.tick()
            real(path, data)
            world.tick()

        monkeypatch.setattr("producers.spool.spool.write_file", write_file)

    return arm


def run(tmp_path: Path, arm: Callable[[World], None], fatal_tick: int, **options: Any) -> World:
    directory = tmp_path / str(fatal_tick)
    directory.mkdir()
    world = World(directory, options.get("limit", BIG), fatal_tick)
    arm(world)
    live(world, options.get("seed", 11), options.get("windows", 7), options.get("outage", range(2, 4)))
    return world


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="room enough"),
        pytest.param({"limit": SMALL, "windows": 10, "outage": range(1, 8)}, id="spool full"),
        pytest.param({"limit": SMALL, "windows": 9, "outage": range(9), "seed": 3}, id="spool full to the end"),
    ],
)
def test_a_crash_at_any_step_neither_loses_nor_repeats(
    tmp_path: Path, ticking_disk: Callable[[World], None], options: dict[str, Any]
) -> None:
    steps = run(tmp_path, ticking_disk, -1, **options).mortal_ticks
    assert steps > 50
    for fatal_tick in range(1, steps + 1):
        world = run(tmp_path, ticking_disk, fatal_tick, **options)
        assert world.crashes == 1, fatal_tick
        assert totals(world.topic.batches()) == (world.packets, world.bytes), f"died at step {fatal_tick} of {steps}"


def test_a_full_spool_did_drop(tmp_path: Path, ticking_disk: Callable[[World], None]) -> None:
    world = run(tmp_path, ticking_disk, -1, limit=SMALL, windows=13, outage=range(1, 11))
    dropped = {loss for batch in world.topic.batches() for loss in batch.losses if (loss.stage, loss.reason) == ("spool", "full")}
    assert len(dropped) >= 3


def test_the_epoch_stays_over_a_crash_and_changes_with_the_kernel(tmp_path: Path, ticking_disk: Callable[[World], None]) -> None:
    world = run(tmp_path, ticking_disk, 40)
    assert world.crashes == 1
    assert len({batch.epoch for batch in world.topic.batches()}) == 1
    world.kernel = FakeKernel()
    live(world, 5, 2, range(0))
    assert len({batch.epoch for batch in world.topic.batches()}) == 2


def test_seqs_rise_by_one(tmp_path: Path, ticking_disk: Callable[[World], None]) -> None:
    world = run(tmp_path, ticking_disk, 60)
    seqs = sorted({batch.seq for batch in world.topic.batches()})
    assert seqs == list(range(len(seqs)))


def test_a_lost_state_directory_counts_the_quiet_map_in_a_new_epoch(tmp_path: Path, ticking_disk: Callable[[World], None]) -> None:
    world = World(tmp_path / "first", BIG, -1)
    world.directory.mkdir()
    ticking_disk(world)
    live(world, 1, 3, range(0))
    world.kernel.count(7, 1, 23, 2300)
    world.packets, world.bytes = world.packets + 23, world.bytes + 2300
    world.kernel.active = 1 - world.kernel.active  # The process died after a swap, and its journal is gone.
    world.directory = tmp_path / "second"
    world.directory.mkdir()
    world.clock.us += SECOND
    process = Process(world, True)
    world.clock.us += SECOND
    process.window()
    process.sender.step(0)
    assert totals(world.topic.batches()) == (world.packets, world.bytes)
    assert len({batch.epoch for batch in world.topic.batches()}) == 2
