"""Detectors and receivers are killed while a story is told; then it is counted who was told what.

Two detectors run at a time, each made to die at a point of its way that a seed draws; another is started for each that died.
"""

from __future__ import annotations

import random
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import get_args

from schemas.failpoints import DETECTOR_POINTS
from tests.bench.console.report import Figure
from tests.simulator.answers.delivery import Story
from tests.support.clickhouse import EngineHost
from tests.support.kafka import KafkaServer
from tests.support.processes import Child, run_weir, wait_for
from tests.weir.detector.receivers import Mood
from tests.weir.detector.rig import Rig, Verdict, judge, rigged

STEPS = 260
OF_DETECTORS, OF_RECEIVERS = 35, 15
KILLS = OF_DETECTORS + OF_RECEIVERS
PACE_SECONDS = 0.1
END_SECONDS = 180


def measure(seed: int) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as made, ExitStack() as stack:
        kafka = stack.enter_context(KafkaServer(Path(made) / "broker"))
        host = stack.enter_context(EngineHost(Path(made) / "engine"))
        run_weir("topics", settings={"kafka_bootstrap": kafka.bootstrap})
        with rigged(Story(seed, STEPS, 1), kafka.bootstrap, host) as rig:
            killing = Killing(rig, random.Random(seed))
            killing.run()
            verdict = killing.end()
    kills = (
        f"{killing.detectors} of the detector at {len(killing.points)} of {len(DETECTOR_POINTS)} points, {killing.receivers} of receivers"
    )
    yield Figure("delivery: kills", f">= {KILLS}", kills, killing.detectors + killing.receivers >= KILLS)
    faults = f", {'; '.join(verdict.wrong)}" if verdict.wrong else ""
    found = f"{verdict.opened} findings, {len(verdict.wrong)} faults, {verdict.repeats} posts came again under their key{faults}"
    yield Figure("delivery: opened once, closed once, on the topic, in the table, by each receiver", "all", found, not verdict.wrong)


class Killing:
    def __init__(self, rig: Rig, chance: random.Random) -> None:
        self._rig, self._chance = rig, chance
        self._alive: list[tuple[str, Child]] = []
        self.detectors = self.receivers = 0
        self.points: set[str] = set()

    def run(self) -> None:
        """Until enough were killed, or the story is near its end."""
        while (self.detectors < OF_DETECTORS or self.receivers < OF_RECEIVERS) and self._rig.told < STEPS - 5:
            self._replace()
            if self._rig.looked >= self._rig.told:
                self._rig.tell(self._rig.told + 1)
            if self.receivers < OF_RECEIVERS and self._chance.random() < 0.03:
                self._kill_receivers()
            time.sleep(PACE_SECONDS)

    def end(self) -> Verdict:
        """The rest of the story, by one that nobody kills."""
        for _, child in self._alive:
            child.kill()
        with self._rig.detector():
            self._rig.tell(STEPS)
            deadline = time.monotonic() + END_SECONDS
            wait_for(
                lambda: not (verdict := judge(self._rig)).wrong or time.monotonic() > deadline and verdict, 2 * END_SECONDS, "the end", 1.0
            )
        return judge(self._rig)

    def _replace(self) -> None:
        for point, child in tuple(self._alive):
            if not child.running():
                child.wait(status=-signal.SIGKILL)
                child.__exit__(None, None, None)
                self._alive.remove((point, child))
                self.detectors += 1
                self.points.add(point)
        while len(self._alive) < 2:
            point = self._chance.choice(DETECTOR_POINTS)
            self._alive.append((point, self._rig.detector(point, self._chance.randint(1, 4))))

    def _kill_receivers(self) -> None:
        """They are gone, or answer in a wrong way, for a moment."""
        moods = [mood for mood in get_args(Mood) if mood != "well"]
        mood = self._chance.choice((*moods, None, None))
        if mood is None:
            self._rig.receivers.stop()
        else:
            self._rig.receivers.mood = mood
        time.sleep(self._chance.uniform(0.1, 1.0))
        self._rig.receivers.mood = "well"
        if mood is None:
            self._rig.receivers.start()
        self.receivers += 1
