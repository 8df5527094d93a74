"""The naive writer as a contender, in its two orders."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from schemas.arrays import U64
from schemas.records.flow_batch import FlowBatch
from schemas.topics import FLOWS_TOPIC
from tests.bench.peers.contender import Place, create_topic
from tests.bench.peers.flows import NUMBER
from tests.bench.peers.forms import Message, weirs
from tests.bench.peers.naive_writer import TABLE
from tests.support.processes import Child


@dataclass(frozen=True)
class NaiveWriter:
    """`first`: insert or commit."""

    first: str
    topic: str = FLOWS_TOPIC
    group: str = "naive"
    drops_repeats: bool = False
    leaves_out: str = "dedup, names, canonical, rollups, downstream topic"

    @property
    def title(self) -> str:
        return f"naive writer: {'insert, then commit' if self.first == 'insert' else 'commit, then insert'}"

    def messages(self, batch: FlowBatch) -> Iterator[Message]:
        return weirs(batch)

    def prepare(self, place: Place) -> None:
        assert place.engine is not None, "several writers need an engine that they can share"
        create_topic(place.bootstrap, self.topic)
        with place.engine.client() as client:
            client.execute("CREATE DATABASE IF NOT EXISTS naive")
            client.execute(TABLE)

    def start(self, place: Place, number: int = 0) -> Child:
        assert place.engine is not None
        arguments = (place.bootstrap, self.group, self.topic, place.session_seconds, place.engine.port, self.first)
        return Child([sys.executable, "-m", "tests.bench.peers.naive_writer", *map(str, arguments)], name=self.title)

    def stored(self, place: Place) -> U64:
        assert place.engine is not None
        with place.engine.client() as client:
            return np.array([row[0] for row in client.execute(f"SELECT {NUMBER} FROM naive.flows")], np.uint64)  # noqa: S608
