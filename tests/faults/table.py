"""The faults of processes and of messages, one small function each; those of what is around them are in `around.py`.

To add one, write it there or here: the plan draws from the table by itself. A fault strikes and has ended when its function
returns; the bench waits for the group to go on. What it needs of chance comes from the plan's seed.
"""

from __future__ import annotations

import asyncio
import random
import signal
from dataclasses import replace

from aiokafka.admin import AIOKafkaAdminClient
from confluent_kafka import KafkaException

from schemas.records.flow_batch import empty_flows, empty_heartbeats
from schemas.topics import DEAD_LETTER_TOPIC
from schemas.wire.codec import encode_batch
from streams.intake.transport import decode_pending
from tests.faults.bench import LONGEST_CREW, Bench, pick
from tests.faults.changes_lost import TOLD
from tests.faults.fault import fault, instant, keep_busy, sleep_through_session, staying
from tests.faults.poisoned import POISON
from tests.integration.pipeline_support import GROUP, read_topic, rewind
from tests.support.processes import Child, wait_for

LOST_CHANGES = 3
"""So many windows with changes, at least."""


@fault("worker: SIGKILL", kills=1, weight=6)
def kill_worker(bench: Bench, chance: random.Random) -> None:
    instant(chance)
    bench.strike()
    bench.crew.kill(pick(chance, bench))
    bench.crew.start(block_flows=chance.choice((1, 3, 8)) * bench.ledger.shape.batch_flows)


@fault("some workers: SIGKILL", kills=2, served=True, weight=8)
def kill_some_workers(bench: Bench, chance: random.Random) -> None:
    """All but one: what they had goes to the one that is left, and on to those that come."""
    instant(chance)
    dying = chance.sample(bench.crew.members, max(1, len(bench.crew.members) - 1))
    bench.strike()
    bench.crew.kill(*dying)
    for _ in dying:
        bench.crew.start(block_flows=chance.choice((1, 3, 8)) * bench.ledger.shape.batch_flows)


@fault("all workers: SIGKILL", kills=2, served=True, weight=3)
def kill_all_workers(bench: Bench, chance: random.Random) -> None:
    instant(chance)
    bench.strike()
    bench.crew.kill(*bench.crew.members)
    for _ in range(bench.crew_size):
        bench.crew.start()


@fault("Kafka: SIGKILL", kills=1)
def kill_kafka(bench: Bench, chance: random.Random) -> None:
    instant(chance)
    bench.strike()
    bench.kill(bench.kafka)


@fault("ClickHouse: SIGKILL", kills=1, served=True, weight=3)
def kill_engine(bench: Bench, chance: random.Random) -> None:
    assert bench.engine is not None
    instant(chance)
    bench.strike()
    bench.kill(bench.engine)


@fault("ClickHouse: stored, answer lost", served=True)
def lose_answer(bench: Bench, chance: random.Random) -> None:
    assert bench.engine is not None
    instant(chance)
    bench.strike()
    bench.engine.lose_next_answer()


@fault("worker: SIGSTOP beyond its session, SIGCONT")
def suspend_worker(bench: Bench, chance: random.Random) -> None:
    """Others take its partitions over, where there are others; then it goes on with what it held."""
    instant(chance)
    victim = pick(chance, bench)
    bench.strike()
    victim.signal(signal.SIGSTOP)
    sleep_through_session()
    victim.signal(signal.SIGCONT)


@fault("worker: suspended between two steps, SIGCONT", served=True)
def suspend_worker_at_a_point(bench: Bench, chance: random.Random) -> None:
    """The zombie writer: a block is decided or built by one worker, written by its successor, and then by the first."""
    point = chance.choice(("block.decided", "block.built", "insert.flows", "block.inserted", "block.published"))
    already = len(bench.crew.hits())
    bench.make_room()
    zombie = bench.crew.start(point, chance.randint(1, 3), signal.SIGSTOP)
    keep_busy(bench, lambda: len(bench.crew.hits()) > already, f"a worker at {point}")
    bench.strike()
    sleep_through_session()
    bench.feed()
    bench.await_progress()
    zombie.signal(signal.SIGCONT)
    bench.await_progress()
    bench.crew.stop(zombie)


@fault("messages: repeated, re-cut, out of order")
def repeat_messages(bench: Bench, chance: random.Random) -> None:
    shape, some = bench.ledger.shape, range(max(0, bench.sent_windows - 5), bench.sent_windows)
    batches = [
        batch
        for window in chance.sample(some, min(2, len(some)))
        for node in chance.sample(range(shape.nodes), shape.nodes // 2)
        for batch in shape.batches(node, window, chance.choice((1, 3, 8)) * max(1, shape.batch_flows // 3))
    ]
    chance.shuffle(batches)
    bench.strike()
    bench.fleet.send(batches)


@fault("messages: one that no block can hold", kills=1)
def send_poison(bench: Bench, chance: random.Random) -> None:
    """Every worker has the defect, and one dies while it looks for the message to blame: the others count, and it is put aside once at
    least, as it came. It waits behind whatever is left of its partition, so that nothing is.
    """
    bench.catch_up()
    bench.crew.stop_all()
    for _ in range(bench.crew_size):
        bench.crew.start(poisoned=True)
    whole = next(iter(bench.ledger.shape.batches(0, bench.sent_windows - 1)))
    # Of no flows: a group that is rewound reads it again without the defect.
    poison = replace(whole, node_id=POISON, flows=empty_flows(), heartbeats=empty_heartbeats(), losses=(), workloads=())
    bench.fleet.send([poison])
    bench.feed()
    bench.fleet.flush()
    bench.strike()
    instant(chance)
    bench.crew.kill(pick(chance, bench))
    bench.crew.start(poisoned=True)
    value = encode_batch(poison)

    def letters() -> int:
        return sum((letter.value() or b"").endswith(value) for letter in read_topic(bench.kafka.bootstrap, DEAD_LETTER_TOPIC))

    keep_busy(bench, lambda: letters() > 0 and not bench.watch.lag(), "a message that no block can hold to be put aside")
    bench.crew.stop_all()
    for _ in range(bench.crew_size):
        bench.crew.start()


@fault("group: rewound to the beginning", weight=0.2, kills=1)
def rewind_group(bench: Bench, chance: random.Random) -> None:
    """By hand, with no worker left, and no block begun: who sets offsets back while one is pending, decides it away. A worker dies while
    all is read again.
    """
    bench.crew.stop_all()
    while pending(bench):
        bench.crew.start()
        bench.strike()
        bench.await_recovery("a worker that finishes what was begun")
        bench.crew.stop_all()
    wait_for(lambda: rewound(bench), 30, "the group to have no member")
    bench.strike()
    for _ in range(bench.crew_size):
        bench.crew.start()
    bench.await_recovery("a group that was rewound")
    instant(chance)
    bench.strike()
    bench.crew.kill(pick(chance, bench))
    bench.crew.start()


@fault("workers: join and leave, storm", served=True)
def rebalance_storm(bench: Bench, chance: random.Random) -> None:
    for _ in range(2):
        joined = [bench.worker() for _ in range(max(1, chance.randint(0, LONGEST_CREW - len(bench.crew.members))))]
        instant(chance)
        for worker in chance.sample(bench.crew.members, min(len(joined), len(bench.crew.members) - 1)):
            bench.crew.stop(worker)
    bench.strike()


@fault("ownership: changes lost, the leases behind them told", kills=1, served=True)
def lose_changes(bench: Bench, chance: random.Random) -> None:
    """One worker's changes never reach the others, who hear that its nodes go on in states that they do not know. Then it dies."""
    worker = bench.worker(changes_lost=True)
    bench.strike()
    bench.feed()
    keep_busy(bench, lambda: worker.stderr.count(TOLD) >= LOST_CHANGES, "leases that rest on changes that were lost")
    bench.feed()
    bench.await_progress()
    bench.crew.kill(worker)


def kill_at(bench: Bench, chance: random.Random, points: tuple[str, ...]) -> None:
    """As many workers as there are points come and die there, and others take over what they had. Some of the crew die first."""
    leaving = len(bench.crew.members) - staying(len(points), bench.crew_size)
    bench.crew.kill(*chance.sample(bench.crew.members, max(0, leaving)))
    armed = {point: bench.crew.start(point, 1 if point.startswith("restore") else chance.randint(1, 2)) for point in points}

    def all_dead() -> bool:
        for point, worker in armed.items():
            if worker in bench.crew.members and not worker.running():
                died_at(worker, point)
                bench.strike()
                bench.crew.bury(worker)
        return not any(worker in bench.crew.members for worker in armed.values())

    keep_busy(bench, all_dead, f"workers that die at {', '.join(points)}")
    while len(bench.crew.members) < bench.crew_size:
        bench.crew.start()


def died_at(worker: Child, point: str) -> None:
    code = worker.process.returncode
    assert code == -signal.SIGKILL, f"the worker armed at {point} ended with {code} instead\n{worker.report()}"


def pending(bench: Bench) -> bool:
    """Whether any partition has a block that was begun and not committed. Not asked by librdkafka, which reads metadata beyond its end."""

    async def ask() -> bool:
        client = AIOKafkaAdminClient(bootstrap_servers=bench.kafka.bootstrap)
        await client.start()
        try:
            stored = await client.list_consumer_group_offsets(GROUP)
        finally:
            await client.close()
        return any(decode_pending(place.metadata) for place in stored.values())

    return asyncio.run(ask())


def rewound(bench: Bench) -> bool:
    try:
        rewind(bench.kafka.bootstrap)
    except KafkaException:  # a member that was killed is still counted
        return False
    return True
