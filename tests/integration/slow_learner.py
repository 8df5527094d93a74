"""A worker on a machine that is too slow for its hold: `python -m tests.integration.slow_learner ENDS`.

The learner reads message by message until it has taken one at or beyond each offset of ENDS (JSON: partition to offset). There it stands
still until flows could long have been named: the worker has asked what has been read fifty times. Then it goes on at full speed.
"""

from __future__ import annotations

import json
import sys
import threading

from confluent_kafka import Message

from schemas.topics import FLOWS_TOPIC
from streams.intake.hold import PartitionWatermark
from streams.learning.lookahead_consumer import LookaheadConsumer
from streams.learning.watermarks import Watermarks
from weir.cli import main

ASKED = 50
STILL, ON = "the learner stands still", "the learner goes on"


class Slow:
    def __init__(self, ends: dict[int, int]) -> None:
        self._ends = ends
        self._left = set(ends)
        self._still = False
        self._asked = 0
        self._enough = threading.Event()

    def take(self, consumer: LookaheadConsumer, seconds: float) -> list[Message]:
        if self._left:
            consumer._messages = 1
        messages = _take(consumer, seconds)
        for message in messages:
            if message.topic() == FLOWS_TOPIC and message.offset() >= self._ends[message.partition()]:
                self._left.discard(message.partition())
        return messages

    def progress(self, watermarks: Watermarks) -> list[PartitionWatermark] | None:
        if self._still:
            self._asked += 1
            if self._asked >= ASKED:
                self._enough.set()
        return _progress(watermarks)

    def learned(self, watermarks: Watermarks, *noted: object) -> None:
        _learned(watermarks, *noted)  # type: ignore[arg-type]
        if not self._left and not self._still:
            self._still = True
            print(STILL, flush=True)  # noqa: T201
            self._enough.wait()
            print(ON, flush=True)  # noqa: T201


_take, _progress, _learned = LookaheadConsumer.take, Watermarks.progress, Watermarks.learned

if __name__ == "__main__":
    slow = Slow({int(partition): end for partition, end in json.loads(sys.argv[1]).items()})
    LookaheadConsumer.take = lambda consumer, seconds: slow.take(consumer, seconds)  # type: ignore[method-assign]
    Watermarks.progress = lambda watermarks: slow.progress(watermarks)  # type: ignore[method-assign]
    Watermarks.learned = lambda watermarks, *noted: slow.learned(watermarks, *noted)  # type: ignore[method-assign,assignment]
    sys.argv = ["weir", "worker"]
    main()
