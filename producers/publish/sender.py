"""Sender thread: publishes spooled segments and removes them once acknowledged. Closing a window never waits for it."""

from __future__ import annotations

import logging
import threading
import time
from typing import Protocol

from producers.publish.publisher import OnAck
from producers.spool.spool import Spool
from schemas.failpoints import reach

log = logging.getLogger("weir.agent")

RETRY_SECONDS = 1.0
POLL_SECONDS = 1.0


class Outlet(Protocol):
    """As much of a Publisher as the sender needs."""

    def offer(self, topic: str, key: bytes, value: bytes, on_ack: OnAck | None = None) -> bool: ...

    def poll(self, timeout: float) -> int: ...

    def close(self) -> None: ...


class Sender(threading.Thread):
    """Sleeps while the spool is empty. A segment leaves the spool when Kafka has acknowledged every record of it.

    For metrics, to be read by any thread: `acknowledged` and `refused`, batches since the start; `under_way_bytes`, of batches that
    the client holds.
    """

    def __init__(self, spool: Spool, outlet: Outlet, topic: str, key: bytes) -> None:
        super().__init__(name="weir-sender", daemon=True)
        self._spool = spool
        self._outlet = outlet
        self._topic = topic
        self._key = key
        self._work = threading.Event()
        self._empty = threading.Event()
        self._ending = False
        self._open: dict[int, int] = {}
        self._failed: set[int] = set()
        self._retry_at = 0.0
        self._fault: Exception | None = None
        self.acknowledged = self.refused = self.under_way_bytes = 0
        self._acknowledged_at = time.monotonic()

    @property
    def age(self) -> float:
        """Seconds since Kafka acknowledged a batch, or since the start."""
        return time.monotonic() - self._acknowledged_at

    def wake(self) -> None:
        """There is something in the spool. Raises what ended the thread, if it has ended before its time."""
        if self._fault is not None:
            raise self._fault
        self._empty.clear()
        self._work.set()

    def finish(self, patience: float) -> bool:
        """Sends what there is for so many seconds at most, then ends the thread; True when the spool is empty."""
        if self._fault is None:
            self.wake()
        emptied = self._fault is None and self._empty.wait(patience)
        self._ending = True
        self._work.set()
        self.join()
        return emptied and not len(self._spool)

    def run(self) -> None:
        try:
            while not self._ending:
                self._work.wait()
                self._work.clear()
                while len(self._spool) and not self._ending:
                    self.step(POLL_SECONDS)
                self._empty.set()
        except Exception as fault:  # noqa: BLE001 handed to the thread that waits for windows
            self._fault = fault
            log.exception("The sender stopped.")
        finally:
            self._outlet.close()

    def step(self, patience: float) -> None:
        """Hands over what may go, then waits for acknowledgements for so many seconds at most."""
        wait = self._retry_at - time.monotonic()
        if wait <= 0:
            self._offer_head()
        self._outlet.poll(min(patience, wait) if wait > 0 else patience)

    def _offer_head(self) -> None:
        for first_seq in self._spool.sendable():
            if first_seq not in self._open and not self._offer(first_seq):
                return

    def _offer(self, first_seq: int) -> bool:
        segment = self._spool.load(first_seq)
        if segment is None:
            log.error("The spooled window with seq %d cannot be read now; it stays, and is tried again at the next start.", first_seq)
            self._open[first_seq] = -1
            return True
        self._open[first_seq] = len(segment.records)
        for index, record in enumerate(segment.records):
            if not self._outlet.offer(self._topic, self._key, record.message, self._answer(first_seq, len(record.message))):
                self._failed.add(first_seq)
                for _ in segment.records[index:]:
                    self._settled(first_seq, "the client's queue is full")
                return False
            self.under_way_bytes += len(record.message)
        reach("segment.offered")
        return True

    def _answer(self, first_seq: int, size: int) -> OnAck:
        """What to do when a batch of so many bytes is settled."""

        def answered(error: str | None) -> None:
            self.under_way_bytes -= size
            if error is None:
                self.acknowledged += 1
                self._acknowledged_at = time.monotonic()
            else:
                self.refused += 1
            self._settled(first_seq, error)

        return answered

    def _settled(self, first_seq: int, error: str | None) -> None:
        if error is not None:
            self._failed.add(first_seq)
            self._retry_at = time.monotonic() + RETRY_SECONDS
        self._open[first_seq] -= 1
        if self._open[first_seq]:
            return
        del self._open[first_seq]
        if first_seq in self._failed:
            self._failed.discard(first_seq)  # Sent again, whole: what Kafka has of it already is a repeat.
        else:
            reach("segment.acknowledged")
            self._spool.remove(first_seq)
            reach("segment.removed")
