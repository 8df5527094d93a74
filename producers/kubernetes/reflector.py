"""Keeps up with one kind of objects: a list, then a watch from the list's version on, for as long as the thread runs.

1. LIST in pages; the handler gets the whole.
2. WATCH from there; each event goes to the handler. The server ends it after some minutes: the next one begins where it ended.
3. A connection that breaks is resumed from the last version, after a pause. A version too old (410) leads back to 1.
"""

from __future__ import annotations

import json
import logging
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import quote

from producers.kubernetes.transport import JSON, ApiError, Transport

log = logging.getLogger("weir.kubernetes")

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds between attempts that fail: doubled each time, and stretched by chance to as much again."""
STEADY_SECONDS = 5.0
"""A watch that lived so long, or told something, was a success: the next pause is the first again."""
WATCH_SECONDS = 300
"""The shortest time after which the server is asked to end a watch; chance makes it up to twice that."""
GONE = 410
METADATA_LIST = f"{JSON};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,{JSON}"
METADATA = f"{JSON};as=PartialObjectMetadata;g=meta.k8s.io;v=v1,{JSON}"
"""The Accept fields that ask for no more than metadata: of lists, and of single objects and watches. A server refuses one for the other."""


@dataclass(frozen=True)
class Resource:
    """What is watched. `path`: /api/v1/pods. `field_selector`: spec.nodeName=n1; empty: all.

    `metadata_only`: objects come without spec and status.
    `cached`: the list may be what the server remembers, a little old (resourceVersion=0): cheap for the server, and enough where an
    object's answer never changes. Otherwise it is what is true at this moment. `page`: objects in one answer at most.
    """

    path: str
    field_selector: str = ""
    metadata_only: bool = False
    cached: bool = False
    page: int = 500

    def query(self, **parameters: object) -> str:
        given = {"fieldSelector": self.field_selector, **parameters}
        pairs = (f"{name}={quote(str(value), safe='')}" for name, value in given.items() if value != "")
        return f"{self.path}?{'&'.join(pairs)}"


class Handler(Protocol[T_contra]):
    """Called by the reflector's thread, one call at a time."""

    def replaced(self, items: Sequence[T_contra]) -> None:
        """All that there is now. What was told earlier and is not among it was deleted meanwhile."""

    def changed(self, item: T_contra) -> None:
        """Added or modified."""

    def deleted(self, item: T_contra) -> None: ...

    def lost(self, error: str) -> None:
        """Nothing is heard any more; half a sentence says why. Said once, until `alive` has been true again."""


@dataclass(frozen=True)
class Pauses:
    first: float = FIRST_PAUSE
    longest: float = LONGEST_PAUSE

    def after(self, failures: int, asked: float = 0.0) -> float:
        """Seconds to wait after so many failures in a row. `asked`: by the server."""
        pause = min(self.first * 2.0 ** min(failures - 1, 32), self.longest)
        return max(pause * random.uniform(1.0, 2.0), asked)  # noqa: S311 chance parts many agents, and keeps no secret


PAUSES = Pauses()


class Reflector(threading.Thread, Generic[T]):
    """`parse` makes a value of a raw object, or None where it is of no interest. An object on which it fails is passed over.

    `lists_anew`: after a break list again, so that the handler knows by `replaced` when it has caught up.
    The transport is the reflector's own: `close` closes it.
    """

    def __init__(
        self,
        transport: Transport,
        resource: Resource,
        parse: Callable[[Mapping[str, Any]], T | None],
        handler: Handler[T],
        *,
        lists_anew: bool = False,
        pauses: Pauses = PAUSES,
    ) -> None:
        super().__init__(name=f"weir-watch-{resource.path.rpartition('/')[2]}", daemon=True)
        self._transport = transport
        self._resource = resource
        self._parse = parse
        self._handler = handler
        self._lists_anew = lists_anew
        self._pauses = pauses
        self._over = threading.Event()
        self._version = ""
        self._failures = 0
        self._told_lost = False
        self._told_unread = False
        self.alive = False
        """Whether a list was had and the watch after it stands. True between one watch's end and the next one's begin."""
        self.heard = 0.0
        """time.monotonic() of the last word from the server; bookmarks come every minute or so."""

    def close(self) -> None:
        """From any thread. The thread ends soon; it is not waited for."""
        self._over.set()
        self._transport.close()

    def run(self) -> None:
        try:
            while not self._over.is_set():
                self._attempt()
        finally:
            self.alive = False

    def _attempt(self) -> None:
        try:
            if not self._version:
                self._list()
            self._watch()
        except ApiError as error:
            if error.status == GONE:
                self._version = ""
            self._fail(error, error.retry_after)
        except ValueError as error:  # No sense in what was told: it would be told again from the same version.
            self._version = ""
            self._fail(error)
        except OSError as error:
            if self._lists_anew:
                self._version = ""
            self._fail(error)

    def _fail(self, error: Exception, asked: float = 0.0) -> None:
        self._failures += 1
        if self._over.is_set():
            return
        gone = isinstance(error, ApiError) and error.status == GONE and self._failures == 1
        if not gone:
            self.alive = False
            if not self._told_lost:
                self._told_lost = True
                self._handler.lost(str(error) or type(error).__name__)
        self._over.wait(self._pauses.after(self._failures, asked))

    def _list(self) -> None:
        accept = METADATA_LIST if self._resource.metadata_only else JSON
        items: list[T] = []
        after = ""
        while True:
            first = {"resourceVersion": "0"} if self._resource.cached and not after else {}
            page = _object(self._transport.get(self._resource.query(limit=self._resource.page, **{"continue": after}, **first), accept))
            self.heard = time.monotonic()
            items += self._values(page.get("items") or ())
            after = _text(page, "continue")
            if not after:
                break
        self._handler.replaced(items)
        self._version = _text(page, "resourceVersion")

    def _values(self, raws: Sequence[Any]) -> Iterator[T]:
        for raw in raws:
            value = self._value(raw)
            if value is not None:
                yield value

    def _watch(self) -> None:
        begun, told = time.monotonic(), False
        query = self._resource.query(
            watch=1,
            resourceVersion=self._version,
            allowWatchBookmarks="true",
            timeoutSeconds=int(WATCH_SECONDS * random.uniform(1.0, 2.0)),  # noqa: S311 as above
        )
        lines = self._transport.stream(query, METADATA if self._resource.metadata_only else JSON)
        self.alive, self._told_lost = True, False
        self.heard = time.monotonic()
        for line in lines:
            self._event(_object(line))
            self.heard, self._failures, told = time.monotonic(), 0, True
        if told or time.monotonic() - begun >= STEADY_SECONDS:
            self._failures = 0
        else:  # Ended as soon as it began: no loss, but not asked for again at once.
            self._failures += 1
            self._over.wait(self._pauses.after(self._failures))

    def _event(self, event: Mapping[str, Any]) -> None:
        kind, raw = event.get("type"), event.get("object")
        if kind == "ERROR":
            self._version = ""
            raise _refusal(raw)
        if kind == "BOOKMARK":
            self._version = _text(raw, "resourceVersion") or self._version
            return
        value = self._value(raw)
        if value is not None:
            if kind == "DELETED":
                self._handler.deleted(value)
            elif kind in ("ADDED", "MODIFIED"):
                self._handler.changed(value)
        self._version = _text(raw, "resourceVersion") or self._version

    def _value(self, raw: Any) -> T | None:
        try:
            return self._parse(raw)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            if not self._told_unread:
                said = "An object of %s cannot be read (%s: %s) and is passed over; others like it are, too, without a word."
                log.warning(said, self._resource.path, type(error).__name__, str(error)[:200])
            self._told_unread = True
            return None


def _object(text: bytes) -> Mapping[str, Any]:
    """Raises ValueError."""
    try:
        document = json.loads(text, object_hook=_slim)
    except RecursionError:
        raise ValueError("the answer is nested too deep") from None
    if not isinstance(document, dict):
        raise ValueError("the answer is no JSON object")
    return document


def _slim(raw: dict[str, Any]) -> dict[str, Any]:
    """Without who set which field: the larger part of a pod's metadata, and dropped object by object, so that no list holds all of them."""
    raw.pop("managedFields", None)
    return raw


def _text(raw: Any, field: str) -> str:
    """A field of an object's or list's metadata; empty where it has none."""
    metadata = raw.get("metadata") if isinstance(raw, dict) else None
    value = metadata.get(field) if isinstance(metadata, dict) else None
    return value if isinstance(value, str) else ""


def _refusal(raw: Any) -> ApiError:
    status = raw if isinstance(raw, dict) else {}
    code = status.get("code")
    return ApiError(code if isinstance(code, int) else 500, str(status.get("message", "the watch failed"))[:200])
