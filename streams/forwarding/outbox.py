"""Messages on their way to other regions: a bounded queue on disk for each region, first in, first out.

What is added is safe on the disk, and leaves it once the other region's Kafka has acknowledged it. When a region's queue is
full, the oldest messages that cannot have reached that Kafka make room: in the same transaction each turns into a message
to the home region that reports its flows as lost. Never dropped are
  - the head of the queue: it may be on its way, and nothing may be both delivered and counted as lost;
  - what is not confirmed: its block may yet be built again, by another worker, and forwarded once more.
The limit may be exceeded by these.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import Unavailable, WeirError
from schemas.private_files import create_private, private_directory
from schemas.records.tables import BlockIdentity
from streams.forwarding.split import ForwardedBatch, loss_report
from streams.observe import metrics

HEAD_MESSAGES = 64
HEAD_BYTES = 4 * 1024 * 1024
_WAIT_FOR_LOCK_SECONDS = 5.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS waiting (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    region TEXT NOT NULL,
    block TEXT NOT NULL,
    confirmed INTEGER NOT NULL DEFAULT 0,
    key BLOB NOT NULL,
    value BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS waiting_of_region ON waiting (region, id);
CREATE INDEX IF NOT EXISTS unconfirmed ON waiting (block) WHERE confirmed = 0;
CREATE TABLE IF NOT EXISTS newest (lane TEXT PRIMARY KEY, block TEXT NOT NULL);
"""


@dataclass(frozen=True)
class Waiting:
    id: int
    key: bytes
    value: bytes


class Outbox:
    """Thread-safe. One process at a time may hold `path`. `limit_bytes` is each region's."""

    def __init__(self, path: Path, limit_bytes: int, home: str) -> None:
        self._path = path
        self._limit = limit_bytes
        self._home = home
        self._lock = threading.Lock()
        self._db = _open(path)
        self._bytes: Counter[str] = Counter(dict(self._db.execute("SELECT region, sum(length(value)) FROM waiting GROUP BY region")))
        self._measure()

    def waiting(self) -> dict[str, int]:
        """Bytes that wait, by region."""
        with self._lock:
            return {region: size for region, size in self._bytes.items() if size}

    def add(self, identity: BlockIdentity, forwarded: Sequence[ForwardedBatch]) -> None:
        """Keep a block's messages. A block that was built again is here already, or was: it is not taken twice. Raises Unavailable."""
        lane, block = f"{identity.topic}:{identity.partition}", identity.token
        with self._changing() as (db, more):
            if db.execute("SELECT 1 FROM newest WHERE lane = ? AND block = ?", (lane, block)).fetchone():
                return
            db.execute("INSERT INTO newest VALUES (?, ?) ON CONFLICT (lane) DO UPDATE SET block = excluded.block", (lane, block))
            rows = [(one.region, block, one.key, one.value) for one in forwarded]
            db.executemany("INSERT INTO waiting (region, block, key, value) VALUES (?, ?, ?, ?)", rows)
            for one in forwarded:
                more[one.region] += len(one.value)
            for region in {one.region for one in forwarded}:
                self._make_room(db, region, more)

    def confirm(self, identity: BlockIdentity) -> None:
        """The block's offset is committed: it will not be built again. Raises Unavailable."""
        with self._changing() as (db, _):
            db.execute("UPDATE waiting SET confirmed = 1 WHERE block = ? AND confirmed = 0", (identity.token,))

    def head(self, region: str) -> list[Waiting]:
        """The region's oldest messages, one at least where any wait. Nothing else of it may be on its way. Raises Unavailable."""
        with self._changing() as (db, _):
            return list(_head(db, region))

    def remove(self, region: str, messages: Sequence[Waiting]) -> None:
        """The region's Kafka has them. Raises Unavailable."""
        with self._changing() as (db, more):
            db.executemany("DELETE FROM waiting WHERE id = ?", [(message.id,) for message in messages])
            more[region] -= sum(len(message.value) for message in messages)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _make_room(self, db: sqlite3.Connection, region: str, more: Counter[str]) -> None:
        over = self._bytes[region] + more[region] - self._limit
        if over <= 0:
            return
        last = max(message.id for message in _head(db, region))
        oldest = db.execute("SELECT id, value FROM waiting WHERE region = ? AND id > ? AND confirmed ORDER BY id", (region, last))
        reports: list[tuple[str, bytes, bytes, int]] = []
        for number, value in oldest:
            if over <= 0:
                break
            key, report = loss_report(value, "outbox_full")
            reports.append((self._home, key, report, number))
            over -= len(value)
            more[region] -= len(value)
            more[self._home] += len(report)
        db.executemany("UPDATE waiting SET region = ?, key = ?, value = ? WHERE id = ?", reports)

    @contextmanager
    def _changing(self) -> Iterator[tuple[sqlite3.Connection, Counter[str]]]:
        """A transaction, whole on the disk or undone, and the bytes that it moves. A full disk may get room again."""
        more: Counter[str] = Counter()
        with self._lock:
            try:
                with self._db:
                    yield self._db, more
            except sqlite3.OperationalError as error:
                raise Unavailable(f"{self._path} cannot be written ({error})") from error
            except sqlite3.DatabaseError as error:
                raise _damaged(self._path, error) from error
            self._bytes.update(more)
            self._measure()

    def _measure(self) -> None:
        for region, size in self._bytes.items():
            metrics.OUTBOX_BYTES.labels(region).set(size)


def _head(db: sqlite3.Connection, region: str) -> Iterator[Waiting]:
    size = 0
    found = db.execute("SELECT id, key, value FROM waiting WHERE region = ? ORDER BY id LIMIT ?", (region, HEAD_MESSAGES))
    for number, key, value in found:
        if size and size + len(value) > HEAD_BYTES:
            return
        size += len(value)
        yield Waiting(number, key, value)


def _open(path: Path) -> sqlite3.Connection:
    try:
        private_directory(path.parent)
        create_private(path)  # SQLite's journal takes its mode
        db = sqlite3.connect(path, timeout=_WAIT_FOR_LOCK_SECONDS, check_same_thread=False)
        for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = FULL"):
            db.execute(f"PRAGMA {pragma}")
        db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
    except (OSError, sqlite3.OperationalError) as error:
        if "locked" in str(error):
            raise WeirError(f"{path} is held by another worker: give every worker a WEIR_STATE_DIR of its own.") from error
        raise WeirError(f"{path} cannot be opened ({error}): correct it there, or set WEIR_STATE_DIR to another directory.") from error
    except sqlite3.DatabaseError as error:
        raise _damaged(path, error) from error
    return db


def _damaged(path: Path, error: Exception) -> WeirError:
    return WeirError(f"{path} is damaged ({error}): move it away; what it held for other regions goes with it.")
