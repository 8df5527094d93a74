"""The bench's side of its workers: orders to processes, marks from them, and what has been used between two marks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import orjson

from schemas.topics import FLOWS_TOPIC, OWNERSHIP_TOPIC
from tests.bench.knowledge.lookups import Question, Verdict, verdict
from tests.support.processes import ROOT, die_with_parent, weir_environment

LEARN_SECONDS = 1_800.0
"""A million heartbeats for eight workers on two cores take minutes."""
_END_SECONDS = 30.0
_BENCH = "loop"
"""The main thread does what the bench wants: it looks whether a window is learned, and answers look-ups."""


@dataclass(frozen=True)
class Mark:
    """Of one worker, until now. `threads` and `stages`: CPU seconds. `resident`, `peak`: bytes."""

    threads: Mapping[str, float]
    stages: Mapping[str, float]
    resident: int
    peak: int
    ranges: int


@dataclass(frozen=True)
class Used:
    """CPU seconds between two marks, of one worker or of several. `learn`: the part of `learner` in which the map learns. `asking`: what
    the bench itself wanted; not in the total.
    """

    learner: float = 0.0
    clients: float = 0.0
    other: float = 0.0
    learn: float = 0.0
    asking: float = 0.0

    @classmethod
    def between(cls, before: Mark, after: Mark) -> Self:
        spent = {name: seconds - before.threads.get(name, 0.0) for name, seconds in after.threads.items()}
        rest = sum(seconds for name, seconds in spent.items() if name not in ("learner", "librdkafka", _BENCH))
        learn = after.stages.get("learn", 0.0) - before.stages.get("learn", 0.0)
        return cls(spent.get("learner", 0.0), spent.get("librdkafka", 0.0), rest, learn, spent.get(_BENCH, 0.0))

    @property
    def total(self) -> float:
        return self.learner + self.clients + self.other

    def __add__(self, other: Used) -> Used:
        return Used(*(mine + theirs for mine, theirs in zip(vars(self).values(), vars(other).values(), strict=True)))


class WorkerProcess:
    """A context manager: the process has ended behind it."""

    def __init__(self, bootstrap: str, name: str, partitions: int) -> None:
        self.name = name
        settings = orjson.dumps({"bootstrap": bootstrap, "name": name, "partitions": partitions}).decode()
        argv = [*die_with_parent(), sys.executable, "-m", "tests.bench.knowledge.worker", settings]
        self._process = subprocess.Popen(argv, cwd=ROOT, env=weir_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def tell(self, order: str, **given: Any) -> None:
        """Without waiting for the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(orjson.dumps({"order": order, **given}, option=orjson.OPT_APPEND_NEWLINE))
        self._process.stdin.flush()

    def answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"{self.name} ended: what it said is above"
        return orjson.loads(line)

    def call(self, order: str, **given: Any) -> Any:
        self.tell(order, **given)
        return self.answer()

    def mark(self) -> Mark:
        return Mark(**self.call("mark"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if kind is not None:
            self._process.kill()
        try:
            self._process.communicate(timeout=_END_SECONDS)  # its input ends, and so does it
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()


class Crew:
    """Workers that are ordered about together. Orders run at once; all have been answered when a call returns."""

    def __init__(self, workers: Sequence[WorkerProcess]) -> None:
        self.workers = workers
        self._shares: list[set[int]] = [set() for _ in workers]

    def start(self) -> None:
        self._all("start", timeout=LEARN_SECONDS)

    def share(self, starts: Mapping[int, int], tellers: int) -> None:
        """Partitions and their offsets, dealt out among the first so many workers; the others follow none, and hear."""
        self._shares = [{p for p in starts if number < tellers and p % tellers == number} for number in range(len(self.workers))]
        for worker, share in zip(self.workers, self._shares, strict=True):
            worker.call("follow", starts={str(p): starts[p] for p in share})

    def wait(self, reported_us: int, read_us: int) -> None:
        self._all("wait", reported_us=reported_us, read_us=read_us, timeout=LEARN_SECONDS)

    def read_flows(self, ends: Mapping[int, int]) -> None:
        """Until each has read its partitions up to these offsets."""
        for worker, share in zip(self.workers, self._shares, strict=True):
            worker.tell("read", topic=FLOWS_TOPIC, ends={str(p): ends[p] for p in share}, timeout=LEARN_SECONDS)
        for worker in self.workers:
            worker.answer()

    def read_ownership(self, end: int) -> None:
        """Until each has read so far; what it told itself it reads back, too, if only to leave it."""
        self._all("read", topic=OWNERSHIP_TOPIC, ends={"0": end}, timeout=LEARN_SECONDS)

    def marks(self) -> list[Mark]:
        return [worker.mark() for worker in self.workers]

    def ask(self, asked: Question) -> Verdict:
        found = [verdict(asked, names) for names in self._all("ask", **asked.plain())]
        return sum(found, Verdict())

    def _all(self, order: str, **given: Any) -> list[Any]:
        for worker in self.workers:
            worker.tell(order, **given)
        return [worker.answer() for worker in self.workers]
