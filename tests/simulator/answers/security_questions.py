"""The questions of security, answered from a drawn month as the tables would answer them."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping

import numpy as np
import pyarrow as pa

from sinks.queries.spans import Span
from streams.insights.security import beacon, exfiltration, fan_out, flood
from streams.insights.security.listening import Served
from streams.insights.security.lives import Life
from streams.insights.security.new_edge import Callers
from streams.insights.security.sighted import Contact
from tests.simulator.answers.security import BEFORE_S, FRONTENDS, HOUR_S, START_S, STEP_S, Month, Row
from weir.answers.security import NEW_S, Names

NETWORK = "default"
PASSING = 32_768
_NONE = pa.table({})
_Key = tuple[int, int, str, int]


class Drawn:
    """`Questions` of a month. What is known of every day is never a new row."""

    def __init__(self, month: Month) -> None:
        self.month = month
        self._number = {name: number for number, name in enumerate(month.names)}
        self._times = [row.at_s for row in month.rows]
        self._failed = [row for row in month.rows if row.failed]
        self._failed_times = [row.at_s for row in self._failed]
        self._worked: dict[_Key, list[int]] = defaultdict(list)
        self._tried: dict[_Key, list[int]] = defaultdict(list)
        self._answered: dict[tuple[int, int], list[int]] = defaultdict(list)
        self._callers: dict[tuple[int, str, int], list[tuple[int, int]]] = defaultdict(list)
        self._met: dict[tuple[int, str, int], list[int]] = defaultdict(list)
        for row in month.rows:
            self._note(row)
        for one in month.series:
            self._met[one.client, one.address, 443] = sorted([*self._met[one.client, one.address, 443], *one.at_s.tolist()])
        self._ports = {(server, min(port, PASSING)) for _, server, port in month.edges} | {(n, int(p)) for n, p in enumerate(month.ports)}
        self._sent = np.cumsum(np.pad(month.sent, ((0, 0), (1, 0))), axis=1)
        self._received = np.cumsum(np.pad(month.received, ((0, 0), (1, 0))), axis=1)
        self._known_callers: dict[tuple[int, int], set[int]] = defaultdict(set)
        for client, server, port in month.edges:
            self._known_callers[server, min(port, PASSING)].add(client)

    def _note(self, row: Row) -> None:
        key = (row.client, row.server, row.domain, min(row.port, PASSING))
        self._tried[key].append(row.at_s)
        self._met[row.client, row.address, row.port].append(row.at_s)
        if row.opened:
            self._worked[key].append(row.at_s)
            self._callers[row.server, row.domain, key[3]].append((row.at_s, row.client))
            if row.server >= 0:
                self._answered[row.server, key[3]].append(row.at_s)

    def _is_known(self, row: Row, before_s: int, worked: bool) -> bool:
        port = min(row.port, PASSING)
        if (row.client, row.server, port) in self.month.edges or row.client in self.month.domains.get(row.domain, ()):
            return True
        times = (self._worked if worked else self._tried)[row.client, row.server, row.domain, port]
        return bisect_left(times, before_s) > bisect_left(times, before_s - NEW_S)

    def _rows(self, span: Span) -> list[Row]:
        return self.month.rows[bisect_left(self._times, span.start_s) : bisect_left(self._times, span.end_s)]

    def new_contacts(self, step: Span) -> pa.Table:
        return self._contacts(
            row for row in self._rows(step) if row.client >= 0 and row.opened and not self._is_known(row, step.start_s, True)
        )

    def first_contacts(self, span: Span, step: Span) -> pa.Table:
        failed = self._failed[bisect_left(self._failed_times, span.start_s) : bisect_left(self._failed_times, span.end_s)]
        targets, last_s = defaultdict(set), {}
        for row in failed:
            targets[row.client].add((row.address, row.port))
            last_s[row.client] = row.at_s
        clients = {client for client, held in targets.items() if len(held) >= 5 and last_s[client] >= step.start_s}
        if not clients:
            return self._contacts(())
        return self._contacts(row for row in self._rows(span) if row.client in clients and not self._is_known(row, span.start_s, False))

    def _contacts(self, rows: Iterable[Row]) -> pa.Table:
        held = list(rows)
        if not held:
            return _NONE
        texts = {
            "network": [NETWORK] * len(held),
            "client": [self.month.names[row.client] for row in held],
            "server": [self.month.names[row.server] if row.server >= 0 else "" for row in held],
            "domain": [row.domain for row in held],
            "address": [row.address for row in held],
        }
        numbers = {
            "service_port": [row.port for row in held], "opened": [row.opened for row in held], "failed": [row.failed for row in held],
            "bytes_sent": [row.sent for row in held], "bytes_received": [row.received for row in held], "at_s": [row.at_s for row in held],
            "since_s": [row.since_s for row in held],
        }  # fmt: skip
        found = {name: pa.array(values, pa.string()) for name, values in texts.items()}
        return pa.table({**found, **{name: pa.array(values, pa.int64()) for name, values in numbers.items()}})

    def callers(self, contacts: Iterable[Contact], before_s: int) -> Callers:
        found: dict[tuple[str, str, int], frozenset[str]] = {}
        for one in contacts:
            server, port = self._number.get(one.server, -1), min(one.service_port, PASSING) if one.server else 0
            if server >= 0:
                known = self._known_callers[server, port] | self._since(self._callers[server, "", port], before_s)
            else:
                known = self.month.domains.get(one.domain, set()) | self._since(self._callers[-1, one.domain, 443], before_s)
            found[NETWORK, one.server or one.domain, port] = frozenset(self.month.names[client] for client in known)
        return found

    @staticmethod
    def _since(calls: list[tuple[int, int]], before_s: int) -> set[int]:
        return {client for at_s, client in calls if before_s - NEW_S <= at_s < before_s}

    def met(self, contacts: Iterable[Contact], span: Span) -> pa.Table:
        found = []
        for one in contacts:
            times = self._met[self._number[one.client], one.address, one.service_port]
            if bisect_left(times, span.start_s) < bisect_left(times, span.end_s):
                found.append((one.network, one.client, one.address, one.service_port))
        return _table(("network", "client", "address", "service_port"), found)

    def fans(self, step: Span) -> pa.Table:
        ends: dict[int, set[object]] = defaultdict(set)
        for row in self._rows(step):
            if row.client >= 0 and (row.server >= 0 or row.domain):
                ends[row.client].add(row.server if row.server >= 0 else row.domain)
        counts = {client: len(held) + self._usual(client) for client, held in ends.items()} | {self.month.scraper: self._usual(0)}
        many = [(NETWORK, self.month.names[client], count) for client, count in counts.items() if count > fan_out.FEWEST]
        return _table(("network", "client", "servers"), many)

    def _usual(self, client: int) -> int:
        return 299 if client == self.month.scraper else 6

    def usual_fans(self, clients: Names, span: Span) -> pa.Table:
        return _table(("network", "client", "servers"), [(*one, self._usual(self._number[one[1]])) for one in clients])

    def new_ports(self, step: Span) -> pa.Table:
        found = []
        for row in self._rows(step):
            port = min(row.port, PASSING)
            if row.opened and row.server >= 0 and (row.server, port) not in self._ports:
                times = self._answered[row.server, port]
                if bisect_left(times, step.start_s) == bisect_left(times, step.start_s - NEW_S):
                    clients = [self.month.names[row.client]] if row.client >= 0 else [""]
                    found.append((NETWORK, self.month.names[row.server], row.port, row.opened, row.at_s, clients, row.served_s))
        return _table(("network", "server", "service_port", "opened", "at_s", "clients", "since_s"), found)

    def servers_of(self, ports: Iterable[int], before_s: int) -> Mapping[tuple[str, int], int]:
        every = self._ports | {key for key, times in self._answered.items() if times[0] < before_s}
        return {(NETWORK, port): sum(one == min(port, PASSING) for _, one in every) for port in ports}

    def clients_of(self, servers: Names, before_s: int) -> Served:
        found = {}
        for network, name in servers:
            number = self._number[name]
            known = {client for (server, _), clients in self._known_callers.items() if server == number for client in clients}
            late = (self._since(calls, before_s) for (server, _, _), calls in self._callers.items() if server == number)
            found[network, name] = frozenset(self.month.names[client] for client in known.union(*late) if client >= 0)
        return found

    def served(self, step: Span) -> pa.Table:
        at = (step.start_s - START_S + BEFORE_S) // STEP_S
        loads, sources = self.month.loads[:, at], self.month.sources[:, at]
        rows = [
            (NETWORK, self.month.names[FRONTENDS[one]], 443, int(loads[one]), int(loads[one]) * 20, int(sources[one]))
            for one in np.flatnonzero((sources >= flood.SOURCES) & ((loads > flood.OPENED) | (loads * 20 > flood.PACKETS)))
        ]
        return _table(("network", "server", "service_port", "opened", "packets", "sources"), rows)

    def usual_served(self, servers: Names, span: Span) -> pa.Table:
        first, last = ((at_s // HOUR_S * HOUR_S - START_S + BEFORE_S) // STEP_S for at_s in (span.start_s, span.end_s))
        rows = []
        for network, name in servers:
            hours = self.month.loads[FRONTENDS.index(self._number[name]), max(0, first) : last].reshape(-1, 12).sum(axis=1)
            opened = float(np.quantile(hours, 0.99)) / 12
            rows.append((network, name, 443, opened, opened * 20))
        return _table(("network", "server", "service_port", "opened", "packets"), rows)

    def beats(self, span: Span) -> pa.Table:
        rows, times, sizes = [], [], []
        for one in self.month.series:
            first, last = np.searchsorted(one.at_s, (span.start_s, span.end_s))
            if beacon.FEWEST_LONG <= last - first <= beacon.MOST:
                rows.append((NETWORK, self.month.names[one.client], one.domain, one.address, 443, 10))
                times.append(one.at_s[first:last])
                sizes.append(one.sizes[first:last])
        if not rows:
            return _NONE
        table = _table(("network", "client", "domain", "address", "service_port", "window_s"), rows)
        lists = {name: pa.array(held, pa.list_(pa.int64())) for name, held in (("at_s", times), ("sizes", sizes))}
        return pa.table({**{name: table.column(name) for name in table.column_names}, **lists})

    def held_since(self, begun: Iterable[tuple[str, str, int]], span: Span) -> Mapping[tuple[str, str, int], int]:
        """By deploys, with labels or without: an address that autoscaling adds leaves the others as they are."""
        found = {}
        for network, client, at_s in begun:
            deploys = self.month.deployed_s[self._number[client]]
            found[network, client, at_s] = max((one for one in deploys if one <= at_s + HOUR_S), default=0)
        return found

    def outflows(self, span: Span) -> pa.Table:
        first, last = ((at_s - START_S + BEFORE_S) // HOUR_S for at_s in (span.start_s, span.end_s))
        sent, received = (sums[:, last] - sums[:, first] for sums in (self._sent, self._received))
        rows = [
            (NETWORK, self.month.names[client], domain, int(sent[at]), int(received[at]), span.start_s)
            for at in np.flatnonzero((sent > exfiltration.LEAST) & (sent > received))
            for client, domain in (self.month.pairs[at],)
        ]
        return _table(("network", "client", "end", "sent", "received", "at_s"), rows)

    def outflow_days(self, clients: Names, span: Span) -> pa.Table:
        first, last = ((at_s - START_S + BEFORE_S) // HOUR_S for at_s in (span.start_s, span.end_s))
        wanted = {self._number[name] for _, name in clients}
        rows = []
        for at, (client, domain) in enumerate(self.month.pairs):
            if client in wanted:
                days = [one[at, max(0, first) : last].reshape(-1, 24).sum(axis=1) for one in (self.month.sent, self.month.received)]
                rows += [
                    (NETWORK, self.month.names[client], domain, day, int(sent), int(received))
                    for day, (sent, received) in enumerate(zip(*days, strict=True))
                    if sent or received
                ]
        return _table(("network", "client", "end", "day", "sent", "received"), rows)

    def lives(self, names: Names, at_s: int) -> Mapping[tuple[str, str], Life]:
        found = {}
        for network, name in names:
            number = self._number[name]
            changed = self.month.changed_s[number]
            found[network, name] = Life(int(self.month.born_s[number]), tuple(one for one in changed if one <= at_s))
        return found


def _table(names: tuple[str, ...], rows: list[tuple[object, ...]]) -> pa.Table:
    if not rows:
        return _NONE if "day" not in names else pa.table({name: pa.array([], pa.int64()) for name in names})
    return pa.table({name: pa.array(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)})
