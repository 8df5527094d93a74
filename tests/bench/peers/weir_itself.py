"""weir's worker as `weir worker` runs it, with its rollups or with their views dropped."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from schemas.arrays import U64
from schemas.records.flow_batch import FlowBatch
from schemas.topics import FLOWS_TOPIC
from tests.bench.peers.contender import FEEDS, Place, dumped_numbers
from tests.bench.peers.flows import NUMBER
from tests.bench.peers.forms import Message, weirs
from tests.integration.pipeline_support import GROUP
from tests.support.processes import Child, run_weir, weir


@dataclass(frozen=True)
class WeirItself:
    rollups: bool = True
    more: tuple[tuple[str, object], ...] = ()
    topic: str = FLOWS_TOPIC
    group: str = GROUP
    drops_repeats: bool = True

    @property
    def title(self) -> str:
        return f"weir, {'with' if self.rollups else 'no'} rollups"

    @property
    def leaves_out(self) -> str:
        return "nothing" if self.rollups else "rollups"

    def messages(self, batch: FlowBatch) -> Iterator[Message]:
        return weirs(batch)

    def prepare(self, place: Place) -> None:
        run_weir("topics", settings=self._settings(place))
        run_weir("migrate", settings=self._settings(place))
        if not self.rollups:
            self._drop_feeds(place)

    def start(self, place: Place, number: int = 0) -> Child:
        settings = {**self._settings(place), "state_dir": place.folder / f"state-{number}"}
        return weir("worker", settings=settings)

    def stored(self, place: Place) -> U64:
        select = f"SELECT {NUMBER} FROM weir.flows"  # noqa: S608
        if place.engine is None:
            return dumped_numbers(Path(sys.executable), place.folder / "weir", select, place.folder)
        with place.engine.client() as client:
            return np.array([row[0] for row in client.execute(select)], np.uint64)

    def _settings(self, place: Place) -> dict[str, object]:
        url = place.engine.url if place.engine else f"chdb://{place.folder / 'weir'}"
        usual = {"kafka_bootstrap": place.bootstrap, "clickhouse_url": url, "state_dir": place.folder / "state"}
        return {**usual, "group": self.group, "hold_seconds": 2, "session_seconds": place.session_seconds, **dict(self.more)}

    def _drop_feeds(self, place: Place) -> None:
        """The worker finds its tables as they should be, since steps that were taken are not looked at again."""
        statements = place.folder / "drop.json"
        statements.write_text(json.dumps([f"DROP VIEW weir.{name}" for name in FEEDS]))
        argv = [sys.executable, Path(__file__).with_name("engine_child.py"), "execute", place.folder / "weir", statements]
        with Child(argv, name="the engine that drops views") as child:
            child.wait(60)
