"""A worker's knowledge alone, as a process: `python -m tests.bench.knowledge.worker SETTINGS` (JSON). Orders and answers are lines of JSON.

What `streams/worker.py` wires for learning, with the commands' defaults, without Faust, ClickHouse and the HTTP server. One thing differs:
a node, or a worker, that has said nothing for an hour is still taken for alive, since a machine with fewer cores than workers is slow.
"""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path
from typing import Any, cast

import numpy as np
import orjson

from schemas.wire.framing import Framer
from sinks.base import Sink
from streams.intake.decode import MessageDecoder
from streams.kafka import Kafka
from streams.learning.learner import OwnershipLearner
from streams.learning.watermarks import Watermarks
from streams.observe import metrics
from streams.observe.cpu_threads import cpu_by_part
from streams.outputs.ip_event_writer import IpEventWriter
from streams.ownership.locked_map import LockedOwnershipMap
from streams.ownership.map import empty_map
from tests.bench.knowledge.fleet import NETWORK, WINDOW_SECONDS
from tests.bench.knowledge.lookups import answers

_SECOND_US = 1_000_000
_LOOK_SECONDS = 0.2
_GAP_SECONDS, _SKEW_MS, _HOLD_SECONDS, _FUTURE_SECONDS, _RETENTION_SECONDS = 60, 250, 30, 86_400, 90_000
_ALIVE_SECONDS = 3_600


class Knowing:
    """A learner with its map; `orders` by name, each from and to what JSON can say.

    `silence_seconds`: a worker that has said nothing for so long is gone.
    """

    def __init__(self, bootstrap: str, name: str, partitions: int, silence_seconds: int = _ALIVE_SECONDS) -> None:
        framer = Framer()
        self._partitions = partitions
        self._store = LockedOwnershipMap(empty_map(gap_seconds=_GAP_SECONDS, skew_ms=_SKEW_MS, window_seconds=WINDOW_SECONDS), NETWORK)
        self._learner = OwnershipLearner(
            Kafka(bootstrap),
            framer,
            MessageDecoder(framer, _FUTURE_SECONDS * _SECOND_US),
            self._store,
            IpEventWriter(cast(Sink, None), self._store.events),  # there are no events, and it is never started
            Watermarks(name, partitions, _ALIVE_SECONDS * _SECOND_US, silence_seconds * _SECOND_US),
            name,
            _HOLD_SECONDS * _SECOND_US,
            _RETENTION_SECONDS * _SECOND_US,
        )

    def start(self, timeout: float) -> dict[str, Any]:
        """Returns once what Kafka kept has been read: seconds, and the marks before and after."""
        before, begun = self.mark(), time.monotonic()
        self._learner.start()
        while not self._learner.ready.wait(_LOOK_SECONDS):
            self._check(begun + timeout, "what Kafka kept of ownership")
        return {"seconds": time.monotonic() - begun, "before": before, "after": self.mark()}

    def follow(self, starts: dict[str, int]) -> None:
        self._learner.follow({int(partition): offset for partition, offset in starts.items()})

    def wait(self, reported_us: int, read_us: int, timeout: float) -> None:
        """Until every partition's nodes have reported up to the one instant, and everything that had arrived by the other is learned."""
        deadline = time.monotonic() + timeout
        while not self._has_learned(reported_us, read_us):
            self._check(deadline, f"a window to be learned: {self._learner.progress()}")
            time.sleep(_LOOK_SECONDS)

    def read(self, topic: str, ends: dict[str, int], timeout: float) -> None:
        """Until the topic's partitions have been read up to these offsets, if not yet learned."""
        deadline = time.monotonic() + timeout
        while any(self._learner.read_to.get((topic, int(partition)), 0) < end for partition, end in ends.items()):
            self._check(deadline, f"{topic} to be read to {ends}")
            time.sleep(_LOOK_SECONDS)

    def mark(self) -> dict[str, Any]:
        """CPU seconds until now by kind of thread and by stage; memory in bytes; ranges."""
        stages = {
            sample.labels["stage"]: sample.value
            for family in metrics.STAGE_SECONDS.collect()
            for sample in family.samples
            if sample.name.endswith("_total")
        }
        return {"threads": cpu_by_part(), "stages": stages, **_memory(), "ranges": self._store.size}

    def ask(self, address: list[int], first_us: list[int], last_us: list[int]) -> list[str]:
        with self._store.reading() as known:
            return answers(known, *(np.array(column, np.int64) for column in (address, first_us, last_us)))

    @property
    def store(self) -> LockedOwnershipMap:
        return self._store

    def close(self) -> None:
        self._learner.close()

    def _has_learned(self, reported_us: int, read_us: int) -> bool:
        progress = self._learner.progress()
        return (
            progress is not None
            and len(progress) == self._partitions
            and all(one.read_until_us >= read_us for one in progress)
            and all(one.reported_until_us is None or one.reported_until_us >= reported_us for one in progress)
        )

    def _check(self, deadline: float, what: str) -> None:
        if self._learner.failed is not None:
            raise self._learner.failed
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain for {what}")


def _memory() -> dict[str, int]:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    return {name: int(fields[field].split()[0]) * 1024 for name, field in (("resident", "VmRSS"), ("peak", "VmHWM"))}


def main() -> None:
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    knowing = Knowing(**orjson.loads(sys.argv[1]))
    for line in sys.stdin.buffer:
        order = orjson.loads(line)
        answer = getattr(knowing, order.pop("order"))(**order)
        sys.stdout.buffer.write(orjson.dumps(answer, option=orjson.OPT_APPEND_NEWLINE))
        sys.stdout.buffer.flush()
    knowing.close()


if __name__ == "__main__":
    main()
