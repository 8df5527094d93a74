"""Which partitions are a worker's, between rebalances and in one."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from faust.types import TP

from schemas.topics import FLOWS_TOPIC
from streams.intake.assignment import Assignment
from streams.intake.dead_letter_limit import DeadLetterLimit
from streams.intake.shared_batches import SharedBatches
from streams.observe.liveness import Liveness


def test_a_worker_is_in_reserve_only_once_the_group_gave_it_nothing() -> None:
    handlers: list[Any] = []
    signal = SimpleNamespace(connect=handlers.append)
    app: Any = SimpleNamespace(on_partitions_revoked=signal, on_partitions_assigned=signal, consumer_generation_id=1)
    made = Assignment(app, [FLOWS_TOPIC], DeadLetterLimit(0.5), Liveness(1), SharedBatches())
    revoked, assigned = handlers
    said = [made.in_reserve]
    for call, of in (
        (assigned, {TP(FLOWS_TOPIC, 0)}),
        (revoked, set()),
        (assigned, set()),
        (revoked, set()),
        (assigned, {TP(FLOWS_TOPIC, 1)}),
    ):
        asyncio.run(call(app, of))
        said.append(made.in_reserve)
    assert said == [False, False, False, True, False, False]
