"""The naive Faust worker as a contender."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from schemas.arrays import U64
from schemas.records.flow_batch import FlowBatch
from tests.bench.peers.contender import Place, create_topic, dumped_numbers
from tests.bench.peers.flows import NUMBER
from tests.bench.peers.forms import Message, records
from tests.support.processes import Child


@dataclass(frozen=True)
class NaiveWorker:
    topic: str = "peers.records"
    group: str = "naive"
    drops_repeats: bool = True
    title: str = "naive Faust worker: a record a message, Table, dict of names"
    leaves_out: str = "exactly-once; ownership by time, learned live: a dict loaded beforehand; canonical; downstream topic; rollups"

    def messages(self, batch: FlowBatch) -> Iterator[Message]:
        return records(batch)

    def prepare(self, place: Place) -> None:
        create_topic(place.bootstrap, self.topic)

    def start(self, place: Place, number: int = 0) -> Child:
        arguments = (place.bootstrap, self.group, self.topic, place.folder / "naive", place.fleet.addresses)
        return Child([sys.executable, "-m", "tests.bench.peers.naive_faust", *map(str, arguments)], name=self.title)

    def stored(self, place: Place) -> U64:
        return dumped_numbers(Path(sys.executable), place.folder / "naive", f"SELECT {NUMBER} FROM naive.flows", place.folder)  # noqa: S608
