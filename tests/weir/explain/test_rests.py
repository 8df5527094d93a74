"""What explain finds where the tables hold rests is what it finds where they hold each heartbeat."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from schemas.records.flow_batch import ROLE_CLIENT, FlowBatch
from schemas.records.tables import BlockIdentity
from sinks.base import Sink
from sinks.open import open_sink
from streams.blocks.build import build_block
from streams.dedup.resting import Resting
from streams.dedup.state import DedupState
from streams.ownership.map import OwnershipMap
from tests.streams.dedup.stories import Holder, beats
from tests.streams.support import address, batch
from weir.explain.evidence import Evidence, Question, gather
from weir.explain.known import Rules, name_now
from weir.explain.told import recall
from weir.explain.verdict import why

SECOND = 1_000_000
RULES = Rules(gap_seconds=25, skew_ms=250, window_seconds=10, retention_seconds=3_600)
NAMES = ("cart", "new", "old", "web", "node/n2")
ALWAYS: list[Holder] = [
    (address(7), "cart", 0, 0),
    (address(15), "web", 15, 6),
    (address(17), "web", 99, 6),
    (address(15), "node/n2", 0, 0),
]
"""10.0.0.17 belongs to no node: only that a port of it is listened on is known."""
LAST = (7, 8, 9, 15, 17)


def batches() -> list[FlowBatch]:
    """Six windows of heartbeats: 10.0.0.9 changes hands in the third, in which it is called, as the others are."""
    said = [beats([(one, (0, 10)) for one in (*ALWAYS, (address(9), "old" if at < 3 else "new", 0, 0))], at, NAMES) for at in range(6)]
    calls = batch(LAST, window=2)
    calls = replace(calls, flows=replace(calls.flows, role=np.full(len(LAST), ROLE_CLIENT, np.uint8)))
    return [*(batch([], window=at, node="n2", beats=one, workloads=NAMES) for at, one in enumerate(said)), calls]


def fill(sink: Sink, *, rests: bool, at: Callable[[int], int] = lambda number: 12 + 10 * number) -> None:
    """`at`: the second at which each batch is applied."""
    known, dedup, now_us = OwnershipMap(gap_us=25 * SECOND, skew_us=250_000), DedupState(horizon_us=600 * SECOND), [0]
    resting = Resting(clock=lambda: now_us[0])
    for number, one in enumerate(batches()):
        now_us[0] = at(number) * SECOND
        identity, memory = BlockIdentity("weir.flows", 0, number, number), resting if rests else Resting()
        built = build_block(identity, [number], [one], dedup, partial(nullcontext, known), region="home", resting=memory)
        sink.write(built.block)


def evidence_of(sink: Sink, last: int) -> Evidence:
    evidence = gather(sink, Question(address(last)))
    assert evidence is not None
    return evidence


def found(sink: Sink) -> list[tuple[object, ...]]:
    answers: list[tuple[object, ...]] = []
    for last in LAST:
        evidence = evidence_of(sink, last)
        told = recall(sink, evidence.flow, RULES.retention_us, RULES.silence_us)
        known = name_now(evidence, told, RULES)
        ranges = sorted((one.workload, one.port, one.start_us, one.end_us) for one in told.ownership.ranges)
        said = re.sub(r"known since [^.]*", "known since now", why(evidence, known))
        answers.append((last, told.from_us, told.until_us, ranges, known, said))
    return answers


def test_what_was_told_late_is_known_to_have_been(tmp_path: Path) -> None:
    """From the third window on, 100 s after its end, the node's messages came all at once."""
    with closing(open_sink(f"chdb://{tmp_path / 'late'}")) as sink:
        sink.migrate()
        fill(sink, rests=True, at=lambda number: 130 if number > 1 else 12 + 10 * number)
        told = {last: evidence_of(sink, last).told_us // SECOND for last in LAST}
    assert told.pop(8) == 0  # of which nothing is told
    assert told.pop(9) > 1_700_000_000  # whose owner's end is a row of its own, and knows
    assert all(20 + 70 <= late <= 20 + 100 for late in told.values())


def test_answers_are_the_same(tmp_path: Path) -> None:
    answers = []
    for rests in (True, False):
        with closing(open_sink(f"chdb://{tmp_path / str(rests)}")) as sink:
            sink.migrate()
            fill(sink, rests=rests)
            rows = sink.query("SELECT count() AS n FROM ownership_ranges").column("n").to_pylist()
            assert rows == [7 if rests else 30]  # two of them are of the address that changes hands, one is its end
            answers.append(found(sink))
    assert answers[0] == answers[1]
    assert {answer[2] for answer in answers[0]} == {60 * SECOND}
