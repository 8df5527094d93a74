"""The workers of a run: started, armed, and told apart by how they ended."""

from __future__ import annotations

import signal
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.armed import armed
from tests.support.processes import Child, weir


@dataclass
class Crew:
    """`notes`: where armed workers write down the point at which they end."""

    settings: dict[str, object]
    notes: Path
    members: list[Child] = field(default_factory=list)
    ended_by_themselves: list[str] = field(default_factory=list)
    started: int = 0

    def start(self, point: str = "", nth: int = 1, at_point: signal.Signals = signal.SIGKILL, **more: object) -> Child:
        """A worker with a state directory of its own; with a point, one that sends itself the signal there."""
        self.started += 1
        settings = {**self.settings, "state_dir": self.notes.parent / f"state-{self.started}", **more}
        if not point:
            worker = weir("worker", settings=settings)
        else:
            arming = armed(point, nth, at_point, self.notes, "worker")
            worker = Child(arming, settings, name=f"weir worker, {at_point.name} at {point}")
        self.members.append(worker)
        return worker

    def tend(self) -> None:
        """Starts another one for every member that ended without being asked to, and keeps its last words."""
        for worker in list(self.members):
            if not worker.running():
                self.ended_by_themselves.append(worker.report(8))
                self.dismiss(worker)
                self.start()

    def kill(self, worker: Child) -> None:
        worker.kill()
        self.dismiss(worker)

    def stop(self, worker: Child) -> None:
        worker.stop(60)
        self.dismiss(worker)

    def dismiss(self, worker: Child) -> None:
        """It has ended, or ends now."""
        self.members.remove(worker)
        worker.__exit__(None, None, None)

    def stop_all(self) -> None:
        for worker in self.members:
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
