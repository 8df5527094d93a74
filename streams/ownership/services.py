"""What stood behind service addresses, by time, as watchers tell it.

Statements and watermarks are facts: they may be learned in any order and any number of times. What a watcher states holds only within its
own watermark. Not safe for use by several threads at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import numpy as np

from schemas.arrays import I64, U8, U16, U32
from schemas.records.cluster import NODE_PORTS, ServiceAddress, WatcherWatermark
from streams.columns.sorting import numbered
from streams.ownership.address_index import AddressIndex, key_columns
from streams.ownership.asof import bisect
from streams.ownership.service_history import NOTHING_TOLD, ServiceHistory, State, Verdict, Watcher
from streams.ownership.watched import WatchedSpans

MAX_STATEMENTS = 200_000
_ROOM = 10
"""Of a full map, one part in so many is made free at once."""
_PART = 5_000
_NO_NETWORK = 2**32 - 1

ServiceKey = tuple[str, bytes, int, int]
"""Network, 16 bytes of address, protocol, port."""


class ServiceMap:
    """(network, ip, protocol, port) -> what each watcher stated of it.

    Beyond `max_statements` those are forgotten that ended first, then whole addresses: flows there have no name any more. Of one watcher
    and address a later statement never goes before an earlier one: what would be left names flows of the later time.
    `dropped`: statements forgotten for want of room.
    """

    def __init__(self, max_statements: int = MAX_STATEMENTS) -> None:
        self.max_statements = max_statements
        self.size = 0
        self.dropped = 0
        self.watched = WatchedSpans()
        self._silent: set[Watcher] = set()
        self._start_anew()

    def _start_anew(self) -> None:
        """Without any address: numbers of keys are given out from 0 again."""
        self._keys: dict[ServiceKey, int] = {}
        self._histories: list[ServiceHistory] = []
        self._index = AddressIndex()
        self._networks: dict[str, int] = {}
        self.node_ports = np.zeros(1 << 16, np.bool_)
        """By port: whether a node port of any protocol was told of."""

    # Learning.

    def learn(self, records: Iterable[ServiceAddress | WatcherWatermark]) -> None:
        for record in records:
            if isinstance(record, WatcherWatermark):
                self.watched.learn((record.network, record.watcher), record.since_us, record.until_us)
            else:
                state = State(record.since_us, record.service, record.workloads)
                key = (record.network, record.ip, record.protocol, record.port)
                self.size += self._history(key).add((record.network, record.watcher), state)
        self._make_room()

    def forget(self, before_us: int) -> None:
        """Drop what ended by then, but the states in force, and watchers whose watermark ended by then with all that they stated.

        A watcher without a watermark, which comes behind its statements, is waited for until this is called again.
        """
        gone = self.watched.forget(before_us)
        stated = {watcher for history in self._histories for watcher in history.watchers}
        silent = {watcher for watcher in stated if watcher not in self.watched}
        gone |= silent & self._silent
        self._silent = silent - gone
        for history in self._histories:
            self.size -= history.forget(before_us, gone)
        self._rebuild_if_sparse()

    # Looking up.

    def find(
        self, names: Sequence[str], network: U32, ip: U8, protocol: U8, port: U16, first_us: I64, last_us: I64
    ) -> tuple[I64, list[Verdict]]:
        """For n ends a number in the list, whose first verdict is NOTHING_TOLD. `network` indexes `names`. The spans are closed, and must
        have been widened by what clocks may differ.
        """
        verdicts, number = [NOTHING_TOLD], np.zeros(len(first_us), np.int64)
        ids = self._index.find(key_columns(self._numbers(names, network)[network], ip, protocol, port))
        rows = np.flatnonzero(ids >= 0)
        if rows.size:
            found, judged = self._judge(ids[rows], first_us[rows], last_us[rows])
            number[rows] = found + 1
            verdicts += judged
        return number, verdicts

    def _numbers(self, names: Sequence[str], network: U32) -> U32:
        """By number of a name that is a network: the number that it has here."""
        used = np.zeros(len(names), np.bool_)
        used[network] = True
        numbers = np.full(len(names), _NO_NETWORK, np.uint32)
        for at in np.flatnonzero(used).tolist():
            numbers[at] = self._networks.get(names[at], _NO_NETWORK)
        return numbers

    def _judge(self, ids: I64, first_us: I64, last_us: I64) -> tuple[I64, list[Verdict]]:
        """One verdict for all rows of one address that lie alike to its statements' beginnings and to all watermarks' ends."""
        used, of = numbered(ids, len(self._histories))
        histories = [self._histories[number] for number in used.tolist()]
        begun = [history.starts for history in histories]
        counts = np.array([len(starts) for starts in begun], np.int64)
        starts = np.array([*chain.from_iterable(begun)], np.int64)
        low = (np.cumsum(counts) - counts)[of]
        high = low + counts[of]
        before, until = (bisect(starts, low, high, instant) - low for instant in (first_us, last_us))
        covered, watchers = self.watched.covering(first_us, last_us)
        size = int(counts.max()) + 1
        code = ((of * size + before) * size + until) * len(watchers) + covered
        cases, case = numbered(code, len(used) * size * size * len(watchers))
        place, by = np.divmod(cases, len(watchers))
        place, ends = np.divmod(place, size)
        which, begins = np.divmod(place, size)
        columns = (which.tolist(), begins.tolist(), ends.tolist(), by.tolist())
        verdicts = [histories[one].verdict(first, last, watchers[at]) for one, first, last, at in zip(*columns, strict=True)]
        return case, verdicts

    # What is known, for the tables.

    def records(self) -> Iterator[list[ServiceAddress | WatcherWatermark]]:
        """All that is known, in parts: statements, and behind them the watermarks."""
        part: list[ServiceAddress | WatcherWatermark] = []
        for (network, ip, protocol, port), number in self._keys.items():
            for (_, watcher), state in self._histories[number].states():
                part.append(ServiceAddress(network, ip, protocol, port, state.service, state.workloads, state.since_us, watcher))
            if len(part) >= _PART:
                yield part
                part = []
        part += [WatcherWatermark(*watcher, *span) for watcher, span in self.watched.spans()]
        if part:
            yield part

    # Room.

    def _history(self, key: ServiceKey) -> ServiceHistory:
        number = self._keys.get(key)
        if number is None:
            number = self._add(key, ServiceHistory())
        return self._histories[number]

    def _add(self, key: ServiceKey, history: ServiceHistory) -> int:
        network, ip, protocol, port = key
        named = self._networks.setdefault(network, len(self._networks))
        rest = np.array([protocol], np.uint8), np.array([port], np.uint16)
        columns = key_columns(np.array([named], np.uint32), np.frombuffer(ip, np.uint8).reshape(1, 16), *rest)
        (number,) = self._index.intern(columns).tolist()
        if number == len(self._histories):
            self._histories.append(history)
        self._keys[key] = int(number)
        if ip == NODE_PORTS:
            self.node_ports[port] = True
        return int(number)

    def _make_room(self) -> None:
        over = self.size - self.max_statements
        if over <= 0:
            return
        over += self.max_statements // _ROOM
        before = self.size
        ended = sorted(end_us for history in self._histories for end_us in history.ends())
        if ended:
            before_us = ended[min(over, len(ended)) - 1]
            self.size -= sum(history.forget(before_us, frozenset()) for history in self._histories)
        for history in sorted(self._histories, key=lambda one: one.starts[-1:]):
            if self.size <= self.max_statements - self.max_statements // _ROOM:
                break
            self.size -= history.clear()
        self.dropped += before - self.size
        self._rebuild_if_sparse()

    def _rebuild_if_sparse(self) -> None:
        kept = {key: self._histories[number] for key, number in self._keys.items() if self._histories[number].starts}
        if 2 * len(kept) < len(self._keys):
            self._start_anew()
            for key, history in kept.items():
                self._add(key, history)
