"""The questions of `weir.answers.security`, asked of the tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import pyarrow as pa

from sinks.queries import security_contacts as contacts_asked
from sinks.queries import security_outside as outside
from sinks.queries import security_servers as servers_asked
from sinks.queries.edges import Ask
from sinks.queries.security_lives import ask_held, ask_lives, ask_taken
from sinks.queries.spans import Oldest, Span
from streams.insights.security import beacon, exfiltration, fan_out, flood
from streams.insights.security.listening import Served
from streams.insights.security.lives import DEPLOY_S, Life
from streams.insights.security.new_edge import Callers
from streams.insights.security.sighted import Contact
from weir.answers.security import NEW_S, Names

PART = 250
"""Statements name no more than so many: the engine's limit is their length."""

One = TypeVar("One")


@dataclass(frozen=True)
class Tables:
    ask: Ask
    oldest: Oldest

    def new_contacts(self, step: Span) -> pa.Table:
        return self._with_since(contacts_asked.ask_new_contacts(self.ask, step, _before(step.start_s), self.oldest), "client", step.end_s)

    def callers(self, contacts: Iterable[Contact], before_s: int) -> Callers:
        found: dict[tuple[str, str, int], frozenset[str]] = {}
        for part in _parts({(one.server, one.domain) for one in contacts}):
            servers, domains = {server for server, _ in part if server}, {domain for _, domain in part if domain}
            for row in contacts_asked.ask_callers(self.ask, servers, domains, _before(before_s), self.oldest).to_pylist():
                found[row["network"], row["server"] or row["domain"], row["port"]] = frozenset(row["clients"])
        return found

    def first_contacts(self, span: Span, step: Span) -> pa.Table:
        return contacts_asked.ask_first_contacts(self.ask, span, step, _before(span.start_s), self.oldest)

    def met(self, contacts: Iterable[Contact], span: Span) -> pa.Table:
        wanted = ((one.network, one.client, one.address, one.service_port) for one in contacts)
        return _in_parts(wanted, lambda part: contacts_asked.ask_met(self.ask, part, span))

    def fans(self, step: Span) -> pa.Table:
        return servers_asked.ask_fans(self.ask, step, fan_out.FEWEST)

    def usual_fans(self, clients: Names, span: Span) -> pa.Table:
        return _in_parts(clients, lambda part: servers_asked.ask_usual_fans(self.ask, part, span))

    def new_ports(self, step: Span) -> pa.Table:
        return self._with_since(servers_asked.ask_new_ports(self.ask, step, _before(step.start_s), self.oldest), "server", step.end_s)

    def servers_of(self, ports: Iterable[int], before_s: int) -> Mapping[tuple[str, int], int]:
        found = _in_parts(ports, lambda part: servers_asked.ask_servers_of(self.ask, part, _before(before_s), self.oldest))
        return {(row["network"], row["service_port"]): row["servers"] for row in found.to_pylist()}

    def clients_of(self, servers: Names, before_s: int) -> Served:
        """Of each port up to 200 clients: a busy server may have old ones that are not named."""
        found: dict[tuple[str, str], frozenset[str]] = {}
        for part in _parts({name for _, name in servers}):
            for row in contacts_asked.ask_callers(self.ask, part, (), _before(before_s), self.oldest).to_pylist():
                key = (row["network"], row["server"])
                found[key] = found.get(key, frozenset()) | frozenset(row["clients"])
        return found

    def served(self, step: Span) -> pa.Table:
        return servers_asked.ask_served(self.ask, step, flood.SOURCES, flood.OPENED, flood.PACKETS)

    def usual_served(self, servers: Names, span: Span) -> pa.Table:
        return _in_parts(servers, lambda part: servers_asked.ask_usual_served(self.ask, part, span))

    def beats(self, span: Span) -> pa.Table:
        return outside.ask_beats(self.ask, span, beacon.FEWEST_LONG, beacon.MOST)

    def held_since(self, begun: Iterable[tuple[str, str, int]], span: Span) -> Mapping[tuple[str, str, int], int]:
        """Of network, client and an instant: since when the client has the oldest of the addresses that it has DEPLOY_S later, when a new
        version has taken over; absent: not known.
        """
        wanted = list(begun)
        held: dict[tuple[str, str], list[tuple[int, int]]] = {}
        for row in _in_parts({client for _, client, _ in wanted}, lambda part: ask_held(self.ask, part, span)).to_pylist():
            held.setdefault((row["network"], row["name"]), []).append((row["start_s"], row["end_s"]))
        found = {}
        for network, client, at_s in wanted:
            later_s = min(at_s + DEPLOY_S, span.end_s - 1)
            starts = [start_s for start_s, end_s in held.get((network, client), ()) if start_s <= later_s < end_s]
            if starts:
                found[network, client, at_s] = min(starts)
        return found

    def outflows(self, span: Span) -> pa.Table:
        return outside.ask_outflows(self.ask, span, exfiltration.LEAST, self.oldest)

    def outflow_days(self, clients: Names, span: Span) -> pa.Table:
        return _in_parts(clients, lambda part: outside.ask_outflow_days(self.ask, part, span, self.oldest))

    def lives(self, names: Names, at_s: int) -> Mapping[tuple[str, str], Life]:
        found = _in_parts(names, lambda part: ask_lives(self.ask, part, _before(at_s), self.oldest))
        return {(row["network"], row["name"]): _life(row["first_s"], row["starts_s"]) for row in found.to_pylist()}

    def _with_since(self, found: pa.Table, name: str, at_s: int) -> pa.Table:
        """`since_s` in place of `sources`: since when that name has the one of these that it has had longest; 0: not known of one."""
        since = []
        for part in _parts_in_order(found.select(("network", name, "sources")).to_pylist()):
            addresses = {address for row in part for address in row["sources"].split()}
            taken = ask_taken(self.ask, {row[name] for row in part}, addresses, at_s).to_pylist()
            starts = {(row["network"], row["name"], row["address"]): row["start_s"] for row in taken}
            since += [min(starts.get((row["network"], row[name], address), 0) for address in row["sources"].split()) for row in part]
        return found.drop_columns(["sources"]).append_column("since_s", pa.array(since, pa.int64()))


def _parts(values: Iterable[One]) -> Iterator[list[One]]:
    return _parts_in_order(sorted(set(values)))  # type: ignore[type-var]


def _parts_in_order(values: Sequence[One]) -> Iterator[list[One]]:
    return (list(values[at : at + PART]) for at in range(0, len(values), PART))


def _in_parts(values: Iterable[One], ask: Callable[[list[One]], pa.Table]) -> pa.Table:
    """At least one value."""
    return pa.concat_tables([ask(part) for part in _parts(values)])


def _before(at_s: int) -> Span:
    return Span(at_s - NEW_S, at_s)


def _life(first_s: int | None, starts_s: list[int]) -> Life:
    return Life(min([*([first_s] if first_s else []), *starts_s]), tuple(starts_s))
