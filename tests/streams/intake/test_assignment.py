"""Which partitions are a worker's, between rebalances and in one."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from faust.types import TP

from schemas.topics import FLOWS_TOPIC
from schemas.wire.framing import Framer
from streams.intake.assignment import Assignment
from streams.intake.dead_letter_limit import DeadLetterLimit
from streams.intake.decode import MessageDecoder
from streams.observe.liveness import Liveness


def test_an_assignment_is_new_even_where_it_is_empty_and_a_rebalance_brings_none() -> None:
    handlers: list[Any] = []
    signal = SimpleNamespace(connect=handlers.append)
    app: Any = SimpleNamespace(on_partitions_revoked=signal, on_partitions_assigned=signal, consumer_generation_id=1)
    made = Assignment(app, [FLOWS_TOPIC], DeadLetterLimit(0.5), Liveness(1), MessageDecoder(Framer(), 0))
    revoked, assigned = handlers
    said = [made.is_new]
    for call, of in ((assigned, {TP(FLOWS_TOPIC, 0)}), (revoked, set()), (assigned, set()), (revoked, set())):
        asyncio.run(call(app, of))
        said.append(made.is_new)
    assert said == [False, True, False, True, False]
