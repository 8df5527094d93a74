"""What stands in a bench of peers: something that reads flows from Kafka in a process of its own and stores them in ClickHouse."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from confluent_kafka.admin import AdminClient, NewTopic

from schemas.arrays import U64
from schemas.records.flow_batch import FlowBatch
from tests.bench.peers.flows import Fleet
from tests.bench.peers.forms import Message
from tests.support.clickhouse import EngineHost
from tests.support.processes import Child

PARTITIONS = 8
FEEDS = ("flows_1m_feed", "flows_5m_feed", "flows_1h_feed")
"""The views that fill weir's rollups."""
SESSION_SECONDS = 60
"""Of consumer groups where nobody is killed: a consumer is stopped while its topic is filled."""


@dataclass(frozen=True)
class Place:
    """Where one run of one contender takes place. `engine`: a ClickHouse that several processes share, None: each has its own."""

    bootstrap: str
    folder: Path
    fleet: Fleet
    engine: EngineHost | None = None
    session_seconds: int = SESSION_SECONDS


class Contender(Protocol):
    @property
    def title(self) -> str: ...

    @property
    def leaves_out(self) -> str:
        """What weir does and this does not."""

    @property
    def drops_repeats(self) -> bool: ...

    @property
    def topic(self) -> str: ...

    @property
    def group(self) -> str: ...

    def messages(self, batch: FlowBatch) -> Iterator[Message]: ...

    def prepare(self, place: Place) -> None:
        """Topics, and tables where they can be made beforehand."""

    def start(self, place: Place, number: int = 0) -> Child:
        """One process that is ready to read; `number` tells apart those that run at once."""

    def stored(self, place: Place) -> U64:
        """The numbers of all rows in its table or tables, with every process gone."""


def create_topic(bootstrap: str, name: str) -> None:
    client = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    client.create_topics([NewTopic(name, PARTITIONS, 1)])[name].result(30)


def dumped_numbers(python: Path, directory: Path, select: str, folder: Path) -> U64:
    """The answer of an engine's directory that nobody holds, asked by an interpreter whose engine can read it."""
    file = folder / "numbers.bin"
    script = Path(__file__).with_name("engine_child.py")
    with Child([python, script, "numbers", directory, select, file], name="the engine that is asked") as child:
        child.wait(300)
    return np.frombuffer(file.read_bytes(), "<u8")
