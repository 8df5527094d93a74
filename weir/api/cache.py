"""Answers kept by what was asked and by the state of the tables; whoever asks what is being asked waits for that answer."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future

import pyarrow as pa

ROOM_BYTES = 16_000_000

Key = tuple[str, str]
"""The statement, and the generation of the days that it reads."""


class Answers:
    """Thread-safe. An error is told to all who wait for it, and is not kept."""

    def __init__(self, room_bytes: int = ROOM_BYTES) -> None:
        self._lock = threading.Lock()
        self._room = room_bytes
        self._held = 0
        self._kept: OrderedDict[Key, pa.Table] = OrderedDict()
        self._asked: dict[Key, Future[pa.Table]] = {}

    def get(self, key: Key, ask: Callable[[], pa.Table]) -> pa.Table:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            waiting = self._asked.get(key)
            mine = None if waiting else self._asked.setdefault(key, Future())
        if waiting:
            return waiting.result()
        assert mine is not None  # noqa: S101 for the type checker
        try:
            table = ask()
        except BaseException as error:
            with self._lock:
                del self._asked[key]
            mine.set_exception(error)
            raise
        with self._lock:
            del self._asked[key]
            self._keep(key, table)
        mine.set_result(table)
        return table

    def _keep(self, key: Key, table: pa.Table) -> None:
        if table.nbytes > self._room // 2:
            return
        self._kept[key] = table
        self._held += table.nbytes
        while self._held > self._room:
            _, oldest = self._kept.popitem(last=False)
            self._held -= oldest.nbytes
