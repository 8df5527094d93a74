"""Consumers killed again and again while a known ledger of flows goes through: what is lost, what is there twice.

The plan follows from its seed and is the same for each contender: SIGKILLs at instants that nothing announces; SIGKILLs while Kafka is
away (killed and started again), so that no commit gets through; SIGKILLs while ClickHouse stands still (SIGSTOP, as in a long pause),
so that an insert hangs; and rebalances: a second consumer joins under load, and the first leaves. Nothing is sent twice: repeats in
the tables are the consumers' own. ClickHouse alone has its engine inside: a standstill of the one next to it is none of its own.
"""

from __future__ import annotations

import random
import signal
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka.admin import AdminClient

from schemas.arrays import U64
from tests.bench.peers.contender import Contender, Place
from tests.bench.peers.flows import Fleet
from tests.bench.peers.ledger import Balance, balance
from tests.bench.peers.rates import send
from tests.support.clickhouse import EngineHost
from tests.support.kafka import KafkaServer
from tests.support.offsets import committed_offsets, lag
from tests.support.processes import Child, wait_for

SESSION_SECONDS = 3
AWAIT_SECONDS = 120
SETTLE_SECONDS = 1_200
"""For what has piled up: a step waits for a commit, not for everything to be read."""
WARM_WINDOWS, LOAD_WINDOWS = 2, 8
"""Windows that a consumer must be seen to read before something strikes, and windows that are on their way to it then."""
REBALANCE_EVERY = 5
LONGEST_DELAY = 1.0
OUTAGE_SECONDS = 1.5
INSTANT, KAFKA_AWAY, ENGINE_STALLED = KILLS = ("instant", "Kafka away", "ClickHouse stalled")
REBALANCE = "rebalance"


@dataclass(frozen=True)
class Step:
    """`delay`: seconds from the beginning of the load to what strikes."""

    kind: str
    delay: float


@dataclass(frozen=True)
class Crashed:
    contender: str
    kills: int
    rebalances: int
    balance: Balance
    seconds: float


def plan(seed: int, kills: int) -> list[Step]:
    """Kills of each kind by turns, and a rebalance behind every few of them."""
    chance, steps = random.Random(seed), list[Step]()
    for number in range(1, kills + 1):
        steps.append(Step(KILLS[(number - 1) % len(KILLS)], chance.uniform(0, LONGEST_DELAY)))
        if number % REBALANCE_EVERY == 0:
            steps.append(Step(REBALANCE, 0))
    return steps


def carry_out(contender: Contender, steps: list[Step], fleet: Fleet) -> Crashed:
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        kafka = stack.enter_context(KafkaServer(Path(name) / "broker"))
        engine = stack.enter_context(EngineHost(Path(name) / "engine"))
        place = Place(kafka.bootstrap, Path(name), fleet, engine, SESSION_SECONDS)
        contender.prepare(place)
        ring = stack.enter_context(Ring(contender, place, kafka, engine))
        for step in steps:
            ring.suffer(step)
        ring.settle()
        stored = contender.stored(place)
        kinds = [step.kind for step in steps]
        rebalances = kinds.count(REBALANCE)
        done = balance(ring.sent(), stored)
    return Crashed(contender.title, len(steps) - rebalances, rebalances, done, time.monotonic() - begun)


class Ring:
    """One contender's consumers, by the number of their place: a killed one's successor takes its place, and data where that is its own."""

    def __init__(self, contender: Contender, place: Place, kafka: KafkaServer, engine: EngineHost) -> None:
        self._contender, self._place = contender, place
        self._kafka, self._engine = kafka, engine
        self._children: dict[int, Child] = {}
        self._windows = 0
        self._newest = 0

    def suffer(self, step: Step) -> None:
        """Work that is seen to go on, then the strike, while far more comes in."""
        before = self._done()
        self._feed(WARM_WINDOWS)
        self._await(lambda: self._done() > before, "a commit")
        if step.kind == REBALANCE:
            self._await(lambda: self._members() == 1, "killed members to be forgotten")
        with ThreadPoolExecutor(1) as pool:
            load = pool.submit(self._feed, LOAD_WINDOWS)
            if step.kind == REBALANCE:
                self._rebalance()
            else:
                time.sleep(step.delay)
                self._kill(step.kind)
            load.result()

    def settle(self) -> None:
        """Everything that was sent has been committed, and all consumers are gone."""
        self._await(
            lambda: not lag(self._place.bootstrap, self._contender.group, self._contender.topic), "everything to be read", SETTLE_SECONDS
        )
        for number in list(self._children):
            self._leave(number)

    def sent(self) -> U64:
        return self._place.fleet.numbers(range(self._windows))

    def _rebalance(self) -> None:
        oldest = self._newest
        self._newest += 1
        self._start(self._newest)
        self._await(lambda: self._members() == 2, "two members")
        self._leave(oldest)

    def _kill(self, kind: str) -> None:
        if kind == KAFKA_AWAY:
            self._kafka.kill()
        elif kind == ENGINE_STALLED:
            self._engine.signal(signal.SIGSTOP)
        if kind != INSTANT:
            time.sleep(OUTAGE_SECONDS)  # the outage itself
        number = self._newest
        self._children[number].kill()
        if kind == KAFKA_AWAY:
            self._kafka.start()
        elif kind == ENGINE_STALLED:
            self._engine.signal(signal.SIGCONT)
        self._dismiss(number)
        self._start(number)

    def _start(self, number: int) -> None:
        self._children[number] = self._contender.start(self._place, number)

    def _leave(self, number: int) -> None:
        self._children[number].stop(60, status=None)
        self._dismiss(number)

    def _dismiss(self, number: int) -> None:
        self._children.pop(number).__exit__(None, None, None)

    def _feed(self, windows: int) -> None:
        begin, self._windows = self._windows, self._windows + windows
        send(self._contender, self._place, range(begin, self._windows))

    def _done(self) -> int:
        return sum(committed_offsets(self._place.bootstrap, self._contender.group, self._contender.topic).values())

    def _members(self) -> int:
        client = AdminClient({"bootstrap.servers": self._place.bootstrap, "log_level": 0})
        return len(client.describe_consumer_groups([self._contender.group])[self._contender.group].result(10).members)

    def _await(self, condition: Callable[[], bool], what: str, seconds: float = AWAIT_SECONDS) -> None:
        try:
            wait_for(lambda: self._all_run() and condition(), seconds, f"{what}, of {self._contender.title}", every=0.2)
        except AssertionError as error:
            raise AssertionError(f"{error}\n" + "\n".join(child.report(10) for child in self._children.values())) from None

    def _all_run(self) -> bool:
        ended = [child for child in self._children.values() if not child.running()]
        assert not ended, f"ended by itself: {ended[0].name}\n{ended[0].report()}"
        return True

    def __enter__(self) -> Ring:
        self._start(self._newest)
        return self

    def __exit__(self, *_: object) -> None:
        for number in list(self._children):
            self._dismiss(number)
