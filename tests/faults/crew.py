"""The workers of a run: started, armed, and told apart by how they ended."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.processes import WEIR, Child


@dataclass
class Crew:
    """`notes`: where armed workers write down the point at which they end."""

    settings: dict[str, object]
    notes: Path
    members: list[Child] = field(default_factory=list)
    ended_by_themselves: list[str] = field(default_factory=list)
    started: int = 0
    killed: int = 0

    def start(
        self,
        point: str = "",
        nth: int = 1,
        at_point: signal.Signals = signal.SIGKILL,
        *,
        within: Sequence[str] = (),
        clock: Path | None = None,
        poisoned: bool = False,
        changes_lost: bool = False,
        **more: object,
    ) -> Child:
        """A worker with a state directory of its own; with a point, one that sends itself the signal there.

        `within`: what its command line begins with. `clock`: the file that says how wrong its clock is. `poisoned`: it cannot build a
        block with a batch of the node `poison`. `changes_lost`: see the module of that name.
        """
        self.started += 1
        settings = {**self.settings, "state_dir": self.notes.parent / f"state-{self.started}", **more}
        wrapped: list[object] = []
        if clock:
            wrapped += ["tests.faults.clock", clock]
        if poisoned:
            wrapped += ["tests.faults.poisoned"]
        if changes_lost:
            wrapped += ["tests.faults.changes_lost"]
        if point:
            wrapped += ["tests.faults.armed", point, nth, at_point.name, self.notes]
        program = [sys.executable, "-m", *map(str, wrapped), "weir.cli"] if wrapped else [str(WEIR)]
        name = f"weir worker, {at_point.name} at {point}" if point else "weir worker"
        worker = Child([*within, *program, "worker"], settings, name=name)
        self.members.append(worker)
        return worker

    def tend(self) -> None:
        """Starts another one for every member that ended without being asked to, and keeps its last words."""
        for worker in list(self.members):
            if not worker.running():
                self.ended_by_themselves.append(worker.report(8))
                self.dismiss(worker)
                self.start()

    def kill(self, *workers: Child) -> None:
        """All of them at one instant."""
        for worker in workers:
            worker.signal(signal.SIGKILL)
        for worker in workers:
            self.bury(worker)

    def bury(self, worker: Child) -> None:
        """It got SIGKILL."""
        self.killed += 1
        self.dismiss(worker)

    def stop(self, worker: Child) -> None:
        begun(worker)
        worker.stop(60)
        self.dismiss(worker)

    def dismiss(self, worker: Child) -> None:
        """It has ended, or ends now."""
        self.members.remove(worker)
        worker.__exit__(None, None, None)

    def stop_all(self) -> None:
        for worker in self.members:
            begun(worker)
            worker.signal(signal.SIGTERM)
        for worker in list(self.members):
            worker.wait(60)
            self.dismiss(worker)

    def close(self) -> None:
        for worker in list(self.members):
            with suppress(ProcessLookupError):
                self.dismiss(worker)

    def hits(self) -> list[str]:
        """Points at which a worker got its signal, in order of time."""
        return self.notes.read_text().split() if self.notes.exists() else []


def begun(worker: Child) -> None:
    """It has said something: one that is only being loaded knows no signal yet."""
    worker.until(lambda: worker.stderr, 60, "a first word")
