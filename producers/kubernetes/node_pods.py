"""The names of this node's pods, by uid: what the watch tells, in one place that several threads use.

A name, once given to a uid, stays. A pod that is gone keeps its name for a while: its last packets are read after its end, and a
pod that is deleted by force may run on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import islice

from producers.kubernetes.owners import Controller, Metadata, uid_of, workload_of

log = logging.getLogger("weir.agent")

POD_LIMIT = 1_024
"""Pods of one node that have names at once: nearly ten times what a kubelet runs by default. Further ones keep their uid for a name."""
GONE_LIMIT = 256

Parent = Callable[[str, Controller], Metadata | None]


class NodePods:
    """A reflector's handler. `known`: names of an earlier agent."""

    def __init__(self, known: Mapping[str, str], limit: int = POD_LIMIT) -> None:
        self._news = threading.Condition()
        self._limit = limit
        self._names: dict[str, str] = dict(list(known.items())[-limit - GONE_LIMIT :])
        self._gone: dict[str, None] = dict.fromkeys(self._names)
        self._waiting: dict[str, Metadata] = {}
        self._tried: set[str] = set()
        self._left: set[str] = set()
        self._listed = self._hears = False
        self._work = False
        self._full = False
        self.named = 0
        """How many have got a name from the server."""

    # The reflector's thread.

    def replaced(self, items: Sequence[Metadata]) -> None:
        with self._news:
            for pod in items:
                self._take(pod)
            for uid in {*self._names, *self._waiting} - {uid_of(pod) for pod in items}:
                self._leave(uid)
            self._listed = self._hears = self._work = True
            self._news.notify_all()

    def changed(self, item: Metadata) -> None:
        with self._news:
            self._hears = True
            self._take(item)
            self._news.notify_all()

    def deleted(self, item: Metadata) -> None:
        with self._news:
            self._hears = True
            self._leave(uid_of(item))

    def lost(self, error: str) -> None:
        log.warning("The API server is not heard (%s): pods that are known keep their names, others go by their uid.", error)
        with self._news:
            self._hears = False
            self._news.notify_all()

    # The thread that asks for parents.

    def wait_for_work(self, seconds: float | None) -> None:
        """Until a pod waits for a name, or for `seconds`."""
        with self._news:
            self._news.wait_for(lambda: self._work, seconds)
            self._work = False

    def wake(self) -> None:
        with self._news:
            self._work = True
            self._news.notify_all()

    def name_waiting(self, parent: Parent, again: bool) -> None:
        """Names those whose workload can be known now. `again`: try those, too, that could not be named before.

        Raises what `parent` raises; what was named until then stays named.
        """
        with self._news:
            waiting = [(uid, pod) for uid, pod in self._waiting.items() if again or uid not in self._tried]
        for uid, pod in waiting:
            workload = workload_of(pod, parent)
            with self._news:
                if uid in self._waiting:
                    self._decide(uid, None if workload is None else str(workload))
                self._news.notify_all()

    @property
    def waits(self) -> bool:
        """Whether any pod has no name yet."""
        with self._news:
            return bool(self._waiting)

    def names(self) -> dict[str, str]:
        with self._news:
            return dict(self._names)

    # The agent's thread, and whoever answers scrapes.

    def find(self, uids: Collection[str], seconds: float = 0.0) -> dict[str, str]:
        """The names of those that have one. Waits for the others as long as they may come soon, `seconds` at most."""
        with self._news:
            if seconds:
                self._news.wait_for(lambda: not self._hears or self._settled(uids), seconds)
            return {uid: self._names[uid] for uid in uids if uid in self._names}

    def wait_for_list(self, seconds: float) -> bool:
        """Whether the first list came in time, and a name was looked for to each of its pods."""
        until = time.monotonic() + seconds
        with self._news:
            return self._news.wait_for(lambda: self._listed and self._settled(self._waiting), until - time.monotonic())

    @property
    def used(self) -> int:
        """Pods that take room within `limit`."""
        with self._news:
            return len(self._names) + len(self._waiting) - len(self._gone)

    @property
    def limit(self) -> int:
        return self._limit

    def _settled(self, uids: Collection[str]) -> bool:
        return all(uid in self._names or uid in self._tried for uid in uids)

    def _take(self, pod: Metadata) -> None:
        uid = uid_of(pod)
        if uid in self._names:
            self._gone.pop(uid, None)
        elif uid in self._waiting:
            self._waiting[uid] = pod
            self._left.discard(uid)
            self._work = self._work or uid not in self._tried
        elif len(self._names) - len(self._gone) + len(self._waiting) < self._limit:
            self._waiting[uid] = pod
            self._work = True
        elif not self._full:
            self._full = True
            log.warning("This node has more than %d pods: further ones go by their uid.", self._limit)

    def _decide(self, uid: str, name: str | None) -> None:
        left = uid in self._left
        if name is None and not left:
            self._tried.add(uid)
            return
        self._drop(uid)
        if name is not None:
            self._names[uid] = name
            self.named += 1
            if left:
                self._leave(uid)

    def _leave(self, uid: str) -> None:
        if uid in self._waiting:
            if uid in self._tried:
                self._drop(uid)
            else:
                self._left.add(uid)  # Its name is looked for once all the same.
        elif uid in self._names:
            self._gone[uid] = None
            self._forget()

    def _drop(self, uid: str) -> None:
        del self._waiting[uid]
        self._tried.discard(uid)
        self._left.discard(uid)

    def _forget(self) -> None:
        for uid in list(islice(self._gone, max(0, len(self._gone) - GONE_LIMIT))):
            del self._gone[uid], self._names[uid]
