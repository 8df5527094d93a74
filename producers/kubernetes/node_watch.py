"""What the agent asks the API server: its node's pods by a watch, the owners behind them, and the node's own place.

Two threads and two connections: one hears, one asks. Counting waits for neither.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from urllib.parse import quote

from producers.kubernetes.names_file import NamesFile, Remembered
from producers.kubernetes.node_pods import NodePods
from producers.kubernetes.owners import Metadata, parse_metadata
from producers.kubernetes.parents import Parents
from producers.kubernetes.place import Place, place_of
from producers.kubernetes.reflector import METADATA, PAUSES, Pauses, Reflector, Resource
from producers.kubernetes.transport import ApiError, Transport

log = logging.getLogger("weir.agent")

PODS = "/api/v1/pods"
PAGE = 50
"""Pods in one answer at most: some hundred kilobytes."""
LEAST_PAUSE = 2.0
"""Seconds between questions that fail, at least, whatever pods come meanwhile."""


class NodeWatch(threading.Thread):
    """`open_transport` is called twice: each thread has a connection of its own. `node`: its name in the cluster."""

    def __init__(self, open_transport: Callable[[], Transport], node: str, file: NamesFile, pauses: Pauses = PAUSES) -> None:
        super().__init__(name="weir-pod-names", daemon=True)
        known = file.read()
        self.pods = NodePods(known.names)
        self.place = known.place
        """None: the server has not been asked yet, nor by an earlier agent."""
        self._node = node
        self._file = file
        self._pauses = pauses
        self._transport = open_transport()
        self._parents = Parents(self._transport)
        resource = Resource(PODS, f"spec.nodeName={node}", metadata_only=True, cached=True, page=PAGE)
        self._reflector: Reflector[Metadata] = Reflector(open_transport(), resource, parse_metadata, self.pods, pauses=pauses)
        self._over = threading.Event()
        self._placed = False
        self._failures = 0
        self._again = 0.0

    @property
    def known_parents(self) -> int:
        return len(self._parents)

    @property
    def alive(self) -> bool:
        """Whether the server's watch is heard."""
        return self._reflector.alive

    def begin(self) -> None:
        self._reflector.start()
        self.start()

    def close(self) -> None:
        """The threads end soon; they are not waited for."""
        self._over.set()
        self._reflector.close()
        self._transport.close()
        self.pods.wake()

    def wait(self, seconds: float) -> bool:
        """For the first list of pods and their names; False where it did not come in time."""
        return self.pods.wait_for_list(seconds)

    def run(self) -> None:
        while not self._over.is_set():
            try:
                self._work()
                self._failures = 0
            except (OSError, ApiError):  # The watch tells what is wrong.
                self._failures += 1
            pause = self._pause()
            if self._failures:
                self._over.wait(min(pause or 0.0, LEAST_PAUSE))
            self.pods.wait_for_work(pause)

    def _pause(self) -> float | None:
        """Seconds until something is tried again; None: there is nothing to try. A pod that comes is not kept waiting."""
        if self._failures:
            return self._pauses.after(self._failures)
        return max(0.0, self._again - time.monotonic()) if self.pods.waits else None

    def _work(self) -> None:
        before = self.pods.named, self.place
        again = time.monotonic() >= self._again
        try:
            self.pods.name_waiting(self._parents.parent, again)
            if not self._placed:
                self.place, self._placed = self._find_place(), True
        finally:
            if (self.pods.named, self.place) != before:
                self._file.write(Remembered(self.pods.names(), self.place))
        if again:
            self._again = time.monotonic() + self._pauses.after(99)

    def _find_place(self) -> Place:
        """By the node's labels. Raises OSError or ApiError where the server is not fit to tell."""
        try:
            labels = parse_metadata(json.loads(self._transport.get(f"/api/v1/nodes/{quote(self._node, safe='')}", METADATA))).labels
        except ApiError as error:
            if error.status not in (403, 404):
                raise
            said = "The API server tells nothing of node %s (%s): no zone, no region; WEIR_NODE_NAME says what the cluster calls this node."
            log.warning(said, self._node, error)
            labels = {}
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            labels = {}
        place = place_of(labels)
        if place != self.place:
            log.info("Node %s is in zone %r of region %r, say its labels.", self._node, place.zone, place.region)
        return place
