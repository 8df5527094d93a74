"""One run: a broker, an engine, a crew of workers and a fleet that sends, while faults strike one after the other."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka import KafkaException

from schemas.topics import FLOWS_TOPIC
from tests.faults.crew import Crew
from tests.faults.fleet import Fleet
from tests.faults.sent import Ledger, Shape
from tests.integration.pipeline_support import ASSIGNED, GROUP, Pipeline
from tests.support.clickhouse import EngineHost
from tests.support.disk import SmallDisk
from tests.support.kafka import KafkaServer
from tests.support.network import Network, address
from tests.support.offsets import GroupWatch
from tests.support.processes import Child, run_weir, wait_for
from tests.support.schema_registry import SchemaRegistry

HOLD_SECONDS, SESSION_SECONDS = 1, 2
RECOVERY_SECONDS = 120
CATCH_UP_SECONDS = 1_200
LONGEST_BACKLOG = 600
"""Messages; more are read before the next fault. Else, once the group was rewound, all others would strike at repeats."""
LOOK_SECONDS = 0.1
LONGEST_CREW = 4
"""Half as many workers as there are partitions."""
LAST_BLOCK_FLOWS = 20_000


@dataclass(frozen=True)
class Struck:
    """One fault, and how long it took from its instant until every partition that had work left went on (None: none had any)."""

    kind: str
    kills: int
    recovered: float | None


@dataclass
class Bench:
    """`engine`, `network`: None where the engine lives inside the one worker. `disk`: where its data is."""

    kafka: KafkaServer
    engine: EngineHost | None
    network: Network | None
    disk: SmallDisk
    pipeline: Pipeline
    crew: Crew
    fleet: Fleet
    registry: SchemaRegistry | None
    ledger: Ledger
    crew_size: int
    sent_windows: int = 0
    servers_killed: int = 0
    struck: list[Struck] = field(default_factory=list)
    _struck_at: float = 0.0
    _left_then: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.watch = GroupWatch(self.kafka.bootstrap, GROUP, FLOWS_TOPIC)

    # Sending.

    def feed(self) -> None:
        """The next window of the whole fleet. Messages wait in the client where the broker is away."""
        shape, window = self.ledger.shape, self.sent_windows
        self.sent_windows += 1
        for node in range(shape.nodes):
            batches = list(shape.batches(node, window))
            self.ledger.note(batches)
            self.fleet.send(batches)

    # Faults.

    def strike(self) -> None:
        """A fault strikes now: what is committed from here on is recovery."""
        self._struck_at = time.time()
        done, ends = self.watch.committed(), self.watch.ends()
        self._left_then = {partition: done.get(partition, 0) for partition, end in ends.items() if end > done.get(partition, 0)}

    def suffer(self, kind: str, fault: Callable[[], None]) -> Struck:
        """Some work under way, the fault, and work again."""
        before = self.kills
        self.feed()
        self.strike()
        fault()
        self.await_recovery(kind)
        recovered = time.time() - self._struck_at if self._left_then else None
        while len(self.crew.members) < self.crew_size:
            self.crew.start()
        self.struck.append(Struck(kind, self.kills - before, recovered))
        if self.watch.lag() > LONGEST_BACKLOG:
            self.catch_up()
        return self.struck[-1]

    @property
    def kills(self) -> int:
        return self.crew.killed + self.servers_killed

    def kill(self, server: KafkaServer | EngineHost) -> None:
        """SIGKILL, and another start."""
        self.servers_killed += 1
        server.restart()

    def await_recovery(self, kind: str) -> None:
        """Every partition that had work left when it struck has had a block committed."""
        self._await(self._goes_on, f"every partition to go on after: {kind}")

    def await_progress(self) -> None:
        """A block is committed from now on, or nothing is left."""
        before = sum(self.watch.committed().values())
        self._await(lambda: sum(self.watch.committed().values()) > before or not self.watch.lag(), "a block")

    def catch_up(self) -> None:
        """Everything that was sent is read."""
        self._await(lambda: not self.watch.lag(), "the group to have read everything", CATCH_UP_SECONDS)

    def worker(self, **more: object) -> Child:
        """One more, that has come as far as its partitions."""
        self.make_room()
        worker = self.crew.start(**more)  # type: ignore[arg-type]
        worker.line(ASSIGNED, RECOVERY_SECONDS)
        return worker

    def make_room(self) -> None:
        """For one more: Faust gives a worker nothing that comes when others have no more than their share, rounded up."""
        while len(self.crew.members) >= LONGEST_CREW:
            self.crew.stop(self.crew.members[0])

    def last_words(self) -> str:
        """Of those at work, and of the last that ended by themselves."""
        return "\n".join([*(worker.report(10) for worker in self.crew.members), "ended:", *self.crew.ended_by_themselves[-3:]])

    def _goes_on(self) -> bool:
        done = self.watch.committed()
        return all(done.get(partition, 0) > before for partition, before in self._left_then.items())

    def _await(self, condition: Callable[[], bool], what: str, seconds: float = RECOVERY_SECONDS) -> None:
        """Workers that end by themselves are replaced meanwhile."""

        def held() -> bool:
            self.crew.tend()
            try:
                return condition()
            except (KafkaException, AssertionError):  # the broker is only just there
                return False

        try:
            wait_for(held, seconds, what, every=LOOK_SECONDS)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.last_words()}") from None

    # The end.

    def settle(self) -> None:
        """Everything that was sent is applied, what is left of it in large blocks, and the crew has gone home."""
        shape = self.ledger.shape
        self.fleet.send([shape.last_word(node, self.sent_windows) for node in range(shape.nodes)])
        self.fleet.flush()
        self.crew.stop_all()
        for _ in range(self.crew_size):
            self.crew.start(block_flows=LAST_BLOCK_FLOWS)
        self.catch_up()
        self.crew.stop_all()
        self.watch.close()


@contextmanager
def opened(folder: Path, shape: Shape, *, embedded: bool, crew_size: int) -> Iterator[Bench]:
    """A bench with its crew at work. Where the engine is a process of its own, the servers are in a namespace of their own, and
    workers find schemas in a registry.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        network = None if embedded else stack.enter_context(Network())
        disk = stack.enter_context(SmallDisk(folder / "disk"))
        near = address("kafka") if network else "127.0.0.1"
        kafka = stack.enter_context(KafkaServer(folder / "broker", near))
        more: dict[str, object] = {"block_flows": 3 * shape.batch_flows, "hold_seconds": HOLD_SECONDS, "session_seconds": SESSION_SECONDS}
        engine, registry, url = None, None, f"chdb://{disk.path / 'data'}"
        if network:
            engine = stack.enter_context(EngineHost(disk.path / "engine", host=address("clickhouse")))
            registry = stack.enter_context(SchemaRegistry(near))
            more["schema_registry_url"], url = registry.url, engine.url
        pipeline = Pipeline(kafka.bootstrap, url, folder, more)
        run_weir("topics", settings=pipeline.settings)
        crew = Crew(pipeline.settings, folder / "notes")
        stack.callback(crew.close)
        fleet = Fleet(kafka.bootstrap, registry)
        bench = Bench(kafka, engine, network, disk, pipeline, crew, fleet, registry, Ledger(shape), crew_size)
        bench.feed()
        first = [crew.start() for _ in range(crew_size)]
        for worker in first:
            worker.line(ASSIGNED, RECOVERY_SECONDS)
        bench.await_progress()
        yield bench


def pick(chance: random.Random, bench: Bench) -> Child:
    return chance.choice(bench.crew.members)
