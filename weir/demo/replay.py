"""Playing a recording as if it happened now, for places where eBPF is not to be had."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from itertools import count
from typing import Any

import orjson

from weir.demo.children import Child
from weir.demo.plan import Plan

_EPOCH = datetime.fromtimestamp(0, UTC)
INSTANTS = ("window_start", "first_seen", "last_seen", "start", "end", "at")


def shipped_lines() -> list[bytes]:
    """The recording that comes with weir, as JSON lines."""
    return files("weir.demo").joinpath("recording.jsonl").read_bytes().splitlines()


class Recording:
    """A recording as parsed lines, which can be moved in time as a whole."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._items = [orjson.loads(line) for line in lines]
        starts = [_instant(item["window_start"]) for item in self._items if "window_start" in item]
        self._window = timedelta(seconds=next(item["window_seconds"] for item in self._items if "window_seconds" in item))
        self._first = min(starts)
        self.length = max(starts) - self._first + self._window

    def moved(self, earliest: datetime) -> Iterator[bytes]:
        """The same lines, every instant moved alike, so that the first window is the first that begins at `earliest` or later."""
        start = _EPOCH + -((_EPOCH - earliest) // self._window) * self._window
        for item in self._items:
            yield orjson.dumps(_moved(item, start - self._first))


class Player:
    """Plays the shipped recording with `weir replay`, again and again until closed."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._recording = Recording(shipped_lines())
        self._free_from = _EPOCH
        self._rounds = count(1)
        self._file = plan.state_dir("replay") / "recording.jsonl"
        self._child = self._play()

    def check(self) -> None:
        """Starts the next round when one has ended; raises ChildFailed if it ended badly."""
        if not self._child.running:
            self._child.wait(1.0)
            self._child.close()
            self._child = self._play()

    def close(self) -> None:
        self._child.close()
        self._file.unlink(missing_ok=True)

    def _play(self) -> Child:
        """Each round has windows of its own: those of the one before are taken, and would be dropped as repeats."""
        earliest = max(datetime.now(UTC), self._free_from)
        self._free_from = earliest + self._recording.length
        self._file.write_bytes(b"\n".join(self._recording.moved(earliest)) + b"\n")
        name = f"round {next(self._rounds)} of the recording"
        arguments = self._plan.arguments("replay", str(self._file), "--speed", "1")
        return Child(name, arguments, self._plan.agent_settings("replay"), self._plan.echo)


def _moved(item: dict[str, Any], shift: timedelta) -> dict[str, Any]:
    shifted = {name: _text(_instant(item[name]) + shift) for name in INSTANTS if name in item}
    addresses = {"addresses": [_moved(address, shift) for address in item["addresses"]]} if "addresses" in item else {}
    return {**item, **shifted, **addresses}


def _text(instant: datetime) -> str:
    return instant.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
