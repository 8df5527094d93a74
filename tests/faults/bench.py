"""One run: a broker, an engine, a crew of workers and a fleet that sends, while faults strike one after the other."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka import KafkaException, Producer

from schemas.codec import encode_batch
from schemas.columns import FlowBatch
from schemas.framing import Framer
from schemas.topics import FLOWS_TOPIC
from tests.faults.crew import Crew
from tests.faults.sent import Ledger, Shape
from tests.integration.pipeline_support import ASSIGNED, GROUP, Pipeline
from tests.support.clickhouse import EngineHost
from tests.support.kafka import KafkaServer
from tests.support.offsets import committed_offsets, end_offsets, lag
from tests.support.processes import Child, run_weir, wait_for

HOLD_SECONDS, SESSION_SECONDS = 1, 2
RECOVERY_SECONDS = 120
LAST_BLOCK_FLOWS = 20_000
PRODUCER = {"enable.idempotence": True, "acks": "all", "message.timeout.ms": 0, "compression.type": "zstd", "log_level": 2}


@dataclass(frozen=True)
class Struck:
    """One fault, and how long it took from its instant until every partition that had work left went on (None: none had any)."""

    kind: str
    kills: int
    recovered: float | None


@dataclass
class Bench:
    """`engine`: None where the engine lives inside the one worker."""

    kafka: KafkaServer
    engine: EngineHost | None
    pipeline: Pipeline
    crew: Crew
    ledger: Ledger
    crew_size: int
    sent_windows: int = 0
    struck: list[Struck] = field(default_factory=list)
    _struck_at: float = 0.0
    _left_then: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._framer = Framer()
        self._producer = Producer({"bootstrap.servers": self.kafka.bootstrap, **PRODUCER})

    # Sending.

    def feed(self) -> None:
        """The next window of the whole fleet. Messages wait in the client where the broker is away."""
        shape, window = self.ledger.shape, self.sent_windows
        self.sent_windows += 1
        for node in range(shape.nodes):
            batches = list(shape.batches(node, window))
            self.ledger.note(batches)
            self.send(batches)

    def send(self, batches: list[FlowBatch]) -> None:
        for batch in batches:
            value = self._framer.frame("FlowBatch", encode_batch(batch))
            self._producer.produce(FLOWS_TOPIC, value, batch.node_id.encode())
        self._producer.poll(0)

    def flush(self) -> None:
        assert self._producer.flush(60) == 0, "Kafka did not take what was sent"

    # Faults.

    def strike(self) -> None:
        """A fault strikes now: what is committed from here on is recovery."""
        self._struck_at = time.time()
        done = self.committed()
        ends = end_offsets(self.kafka.bootstrap, FLOWS_TOPIC)
        self._left_then = {partition: done.get(partition, 0) for partition, end in ends.items() if end > done.get(partition, 0)}

    def suffer(self, kind: str, kills: int, fault: Callable[[], None]) -> Struck:
        """Some work under way, the fault, and work again."""
        self.feed()
        self.strike()
        fault()
        self.await_recovery(kind)
        recovered = time.time() - self._struck_at if self._left_then else None
        self.struck.append(Struck(kind, kills, recovered))
        return self.struck[-1]

    def await_recovery(self, kind: str) -> None:
        """Every partition that had work left when it struck has had a block committed."""
        wait_for(self._goes_on, RECOVERY_SECONDS, f"every partition to go on after: {kind}\n{self.last_words()}")

    def done(self) -> int:
        return sum(self.committed().values())

    def committed(self) -> dict[int, int]:
        return committed_offsets(self.kafka.bootstrap, GROUP, FLOWS_TOPIC)

    def lag(self) -> int:
        return lag(self.kafka.bootstrap, GROUP, FLOWS_TOPIC)

    def await_progress(self) -> None:
        """A block is committed from now on, or nothing is left."""
        before = self.done()
        wait_for(lambda: self._tended() and (self.done() > before or not self.lag()), RECOVERY_SECONDS, "a block")

    def worker(self) -> Child:
        """One more, that has come as far as its partitions."""
        worker = self.crew.start()
        worker.line(ASSIGNED, RECOVERY_SECONDS)
        return worker

    def last_words(self) -> str:
        return "\n".join(worker.report(10) for worker in self.crew.members)

    def _goes_on(self) -> bool:
        self.crew.tend()
        try:
            done = self.committed()
            return all(done.get(partition, 0) > before for partition, before in self._left_then.items())
        except (KafkaException, AssertionError):  # the broker is only just there
            return False

    def _tended(self) -> bool:
        self.crew.tend()
        return True

    # The end.

    def settle(self) -> None:
        """Everything that was sent is applied, what is left of it in large blocks, and the crew has gone home."""
        shape = self.ledger.shape
        self.send([shape.last_word(node, self.sent_windows) for node in range(shape.nodes)])
        self.flush()
        self.crew.stop_all()
        for _ in range(self.crew_size):
            self.crew.start(block_flows=LAST_BLOCK_FLOWS)
        wait_for(lambda: self._tended() and not self.lag(), 1_200, "the group to have read everything", every=0.5)
        self.crew.stop_all()


@contextmanager
def opened(folder: Path, shape: Shape, *, embedded: bool, crew_size: int) -> Iterator[Bench]:
    """A bench with its crew at work."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        kafka = stack.enter_context(KafkaServer(folder / "broker"))
        engine = None if embedded else stack.enter_context(EngineHost(folder / "engine"))
        url = engine.url if engine else f"chdb://{folder / 'data'}"
        more: dict[str, object] = {"block_flows": 3 * shape.batch_flows, "hold_seconds": HOLD_SECONDS, "session_seconds": SESSION_SECONDS}
        pipeline = Pipeline(kafka.bootstrap, url, folder, more)
        run_weir("topics", settings=pipeline.settings)
        crew = Crew(pipeline.settings, folder / "notes")
        stack.callback(crew.close)
        bench = Bench(kafka, engine, pipeline, crew, Ledger(shape), crew_size)
        bench.feed()
        first = [crew.start() for _ in range(crew_size)]
        for worker in first:
            worker.line(ASSIGNED, RECOVERY_SECONDS)
        bench.await_progress()
        yield bench


def pick(chance: random.Random, bench: Bench) -> Child:
    return chance.choice(bench.crew.members)
