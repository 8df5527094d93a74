"""The faults of what is around the workers: wires, clocks, disks, and other versions of weir. One small function each."""

from __future__ import annotations

import random

from tests.faults.bench import Bench
from tests.faults.clock import set_clock
from tests.faults.fault import fault, instant, keep_busy, sleep_through_session
from tests.integration.pipeline_support import ASSIGNED
from tests.support.disk import TOO_LITTLE
from tests.support.network import Server
from tests.support.processes import wait_for

AHEAD_SECONDS, BEHIND_SECONDS = 90, -300
UNAVAILABLE = "waiting for ClickHouse"


@fault("network: cut between worker and Kafka", served=True)
def cut_from_kafka(bench: Bench, chance: random.Random) -> None:
    """Until the group has handed its partitions on; ClickHouse it reaches all the while."""
    cut_off(bench, chance, "kafka")


@fault("network: cut between worker and ClickHouse", served=True)
def cut_from_clickhouse(bench: Bench, chance: random.Random) -> None:
    """In the middle of its inserts, stored or not; it stays in the group."""
    cut_off(bench, chance, "clickhouse")


def cut_off(bench: Bench, chance: random.Random, server: Server) -> None:
    """One worker of its own namespace. What it had under way may arrive when the wire is mended."""
    assert bench.network is not None
    branch = bench.network.branch()
    worker = bench.worker(within=branch.within)
    bench.feed()
    instant(chance)
    bench.strike()
    branch.cut(server)
    sleep_through_session()
    branch.mend(server)
    bench.await_recovery(f"a wire to {server} that was cut")
    bench.crew.stop(worker)


@fault("clock: a worker's is ahead, then behind")
def step_clock(bench: Bench, chance: random.Random) -> None:
    """A worker with a stand-in of a clock, see `clock.py`."""
    if bench.engine is None:
        bench.crew.stop_all()
    file = bench.crew.notes.parent / "clock"
    file.write_text("0")
    worker = bench.worker(clock=file)
    for seconds in (AHEAD_SECONDS, BEHIND_SECONDS):
        bench.feed()
        bench.fleet.flush()  # every partition has work: the worker's go on only once it has opened them, by the clock as it was
        bench.strike()
        set_clock(worker, file, seconds)
        bench.await_recovery(f"a clock that is {seconds} s off")
    bench.crew.stop(worker)
    if not bench.crew.members:
        bench.crew.start()


@fault("ClickHouse: disk full, then room")
def fill_disk(bench: Bench, chance: random.Random) -> None:
    """Nothing is given up, and nothing is committed that is not stored."""
    for worker in bench.crew.members:
        worker.line(ASSIGNED)
    said = complaints(bench)
    bench.strike()
    with bench.pipeline.sink() as sink:
        wait_for(lambda: sink.query("SELECT count() AS n FROM system.merges").to_pylist() == [{"n": 0}], 60, "no merge to be under way")
    try:
        keep_busy(bench, lambda: refused(bench, said), "an insert that the full disk refuses")
    finally:
        bench.disk.relieve()


def refused(bench: Bench, said: int) -> bool:
    """What merges make free is filled again."""
    bench.disk.fill(TOO_LITTLE)
    bench.crew.tend()
    return complaints(bench) > said


def complaints(bench: Bench) -> int:
    return sum(worker.stderr.count(UNAVAILABLE) for worker in bench.crew.members)


@fault("upgrade: agents to a newer schema, workers one by one", served=True)
def roll_upgrade(bench: Bench, chance: random.Random) -> None:
    """Half of the nodes send by a schema that workers have not seen, some of them what they had sent by the older one."""
    shape, before = bench.ledger.shape, bench.sent_windows - 1
    nodes = chance.sample(range(shape.nodes), shape.nodes // 2)
    bench.strike()
    for node in nodes:
        bench.fleet.upgraded.add(f"n{node}")
        bench.fleet.send(list(shape.batches(node, before)))
    for worker in list(bench.crew.members):
        bench.feed()
        bench.crew.stop(worker)
        bench.crew.start()
