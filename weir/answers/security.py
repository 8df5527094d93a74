"""Security findings of one step: what the tables are asked, candidates first and then their history, and what the rules make of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from schemas.records.finding import Finding, FindingKey, SecurityKind, Sighting
from sinks.queries.spans import Span
from streams.insights.security import beacon, exfiltration, fan_out, flood, listening, new_edge, scan
from streams.insights.security.external import externals
from streams.insights.security.lives import LEARNING_S, Life, Lives
from streams.insights.security.reuse import MEMORY_S, without_known_addresses
from streams.insights.security.sighted import Contact, contacts_of

HOUR_S = 3_600
NEW_S = new_edge.HISTORY_S
RESTS_S: Mapping[SecurityKind, int] = {
    "scan": HOUR_S, "fan_out": HOUR_S, "flood": HOUR_S, "beacon": 3 * HOUR_S, "exfiltration": 3 * HOUR_S,
    "new_edge": 86_400, "external": 86_400, "listening": 86_400,
}  # fmt: skip
"""A finding is over when it was not seen for so long. What is new is new once: that of a day is shown together."""

Names = Iterable[tuple[str, str]]
"""Network and name."""


class Questions(Protocol):
    """What the rules ask. Each gives a table with the columns that the rule's function names."""

    def new_contacts(self, step: Span) -> pa.Table: ...
    def callers(self, contacts: Iterable[Contact], before_s: int) -> new_edge.Callers: ...
    def first_contacts(self, span: Span, step: Span) -> pa.Table: ...
    def met(self, contacts: Iterable[Contact], span: Span) -> pa.Table: ...
    def fans(self, step: Span) -> pa.Table: ...
    def usual_fans(self, clients: Names, span: Span) -> pa.Table: ...
    def new_ports(self, step: Span) -> pa.Table: ...
    def servers_of(self, ports: Iterable[int], before_s: int) -> Mapping[tuple[str, int], int]: ...
    def clients_of(self, servers: Names, before_s: int) -> listening.Served: ...
    def served(self, step: Span) -> pa.Table: ...
    def usual_served(self, servers: Names, span: Span) -> pa.Table: ...
    def beats(self, span: Span) -> pa.Table: ...
    def held_since(self, begun: Iterable[tuple[str, str, int]], span: Span) -> Mapping[tuple[str, str, int], int]: ...
    def outflows(self, span: Span) -> pa.Table: ...
    def outflow_days(self, clients: Names, span: Span) -> pa.Table: ...
    def lives(self, names: Names, at_s: int) -> Mapping[tuple[str, str], Life]: ...


@dataclass(frozen=True)
class Asked:
    """One step's questions. `since_s`: how far back the tables go."""

    questions: Questions
    step: Span
    since_s: int
    opened: Mapping[FindingKey, Finding]

    def lives(self, *tables: tuple[pa.Table, str]) -> Lives:
        held = [(table, name) for table, name in tables if table.num_rows]
        names = {(row["network"], row[name]) for table, name in held for row in table.select(("network", name)).to_pylist()}
        return self.questions.lives(sorted(names), self.step.end_s) if names else {}


def sightings(asked: Asked) -> tuple[Sighting, ...]:
    """What is seen of all kinds in this step; beacons and exfiltration where it ends with an hour.

    As long as all workloads are new, of scans alone: the others are deviations from what is usual.
    """
    scanning = _scans(asked)
    if asked.step.end_s - asked.since_s < LEARNING_S:
        return scanning
    scanners = {(one.key.network, one.key.subject) for one in scanning}
    ports = asked.questions.new_ports(asked.step)
    listeners = _listeners(asked, ports, scanners)
    found = (*scanning, *listeners, *_fresh(asked, scanners, ports), *_fan_outs(asked, scanners), *_floods(asked))
    return (*found, *_beacons(asked), *_exfiltrations(asked)) if asked.step.end_s % HOUR_S == 0 else found


def over(opened: Mapping[FindingKey, Finding], seen: Iterable[Sighting], step: Span) -> frozenset[FindingKey]:
    still = {one.key for one in seen}
    rests = {key: RESTS_S[key.kind] for key in opened if key.kind in RESTS_S}  # type: ignore[index]
    return frozenset(
        key for key, rest_s in rests.items() if key not in still and opened[key].last_seen_us + rest_s * 1_000_000 <= step.end_s * 1_000_000
    )


def _scans(asked: Asked) -> tuple[Sighting, ...]:
    step = asked.step
    span = Span(step.end_s - scan.LOOK_BACK_S, step.end_s)
    table = asked.questions.first_contacts(span, step)
    if not table.num_rows:
        return ()
    lives, contacts = asked.lives((table, "client")), contacts_of(table)
    suspected = {(one.key.network, one.key.subject) for one in scan.scans(contacts, lives, step)}
    if not suspected:
        return ()
    held = [one for one in contacts if (one.network, one.client) in suspected]
    before = Span(span.start_s - MEMORY_S, span.start_s)
    return scan.scans(without_known_addresses(held, asked.questions.met(held, before)), lives, step)


def _fresh(asked: Asked, scanners: set[tuple[str, str]], ports: pa.Table) -> tuple[Sighting, ...]:
    """New edges and external ends. What a scan meets is the scan's; who calls a port that is new on its server, the new port's."""
    step = asked.step
    listeners = {(row["network"], row["server"], row["service_port"]) for row in ports.to_pylist()} if ports.num_rows else set()
    table = asked.questions.new_contacts(step)
    contacts = [
        one
        for one in (contacts_of(table) if table.num_rows else ())
        if (one.network, one.client) not in scanners
        and (one.service_port in new_edge.ADMIN_PORTS or (one.network, one.server, one.service_port) not in listeners)
    ]
    if not contacts:
        return ()
    names = {(one.network, name) for one in contacts for name in (one.client, one.server) if name}
    lives, callers = asked.questions.lives(sorted(names), step.end_s), asked.questions.callers(contacts, step.start_s)
    roaming = _roaming(asked, new_edge.excused(contacts, callers, lives, step))

    def told(held: Iterable[Contact]) -> tuple[Sighting, ...]:
        given = tuple(held)
        return (*new_edge.new_edges(given, callers, lives, step, roaming), *externals(given, callers, lives, step))

    if not told(contacts):
        return ()
    met = asked.questions.met(contacts, Span(step.start_s - MEMORY_S, step.start_s))
    return told(without_known_addresses(contacts, met))


def _roaming(asked: Asked, clients: frozenset[tuple[str, str]]) -> frozenset[tuple[str, str]]:
    """Those of the clients that have called several new servers within the hour; addresses that were handed over do not count."""
    span = Span(asked.step.end_s - new_edge.ROAMING_S, asked.step.end_s)
    table = asked.questions.new_contacts(span) if clients else pa.table({})
    contacts = [one for one in (contacts_of(table) if table.num_rows else ()) if one.server and (one.network, one.client) in clients]
    if len({one.server for one in contacts}) < new_edge.ROAMING:
        return frozenset()
    met = asked.questions.met(contacts, Span(span.start_s - MEMORY_S, span.start_s))
    held = without_known_addresses(contacts, met)
    lives = asked.questions.lives(sorted({(one.network, name) for one in held for name in (one.client, one.server)}), span.end_s)
    return new_edge.roamers(held, lives)


def _listeners(asked: Asked, ports: pa.Table, scanners: set[tuple[str, str]]) -> tuple[Sighting, ...]:
    if not ports.num_rows:
        return ()
    numbers = {row["service_port"] for row in ports.to_pylist()}
    servers = asked.questions.servers_of(numbers, asked.step.start_s)
    names = {(row["network"], row["server"]) for row in ports.to_pylist()}
    callers = asked.questions.clients_of(names, asked.step.start_s)
    return listening.new_listeners(ports, servers, callers, asked.lives((ports, "server")), scanners, asked.step)


def _fan_outs(asked: Asked, scanners: set[tuple[str, str]]) -> tuple[Sighting, ...]:
    table = asked.questions.fans(asked.step)
    if not table.num_rows:
        return ()
    clients = [(row["network"], row["client"]) for row in table.to_pylist()]
    usual = asked.questions.usual_fans(clients, Span(asked.step.start_s - fan_out.HISTORY_S, asked.step.start_s))
    return fan_out.fan_outs(table, usual, asked.lives((table, "client")), scanners, asked.step)


def _floods(asked: Asked) -> tuple[Sighting, ...]:
    table = asked.questions.served(asked.step)
    if not table.num_rows:
        return ()
    servers = [(row["network"], row["server"]) for row in table.to_pylist()]
    usual = asked.questions.usual_served(servers, Span(asked.step.start_s - flood.HISTORY_S, asked.step.start_s))
    return flood.floods(table, usual, asked.lives((table, "server")), asked.step)


def _beacons(asked: Asked) -> tuple[Sighting, ...]:
    end_s = asked.step.end_s
    span = Span(end_s - beacon.SPAN_S, end_s)
    found = beacon.beating(asked.questions.beats(span))
    if not found:
        return ()
    contacts = [
        Contact(one.network, one.client, "", one.domain, one.address, one.service_port, one.rhythm.beats, 0, 0, 0, one.rhythm.first_s)
        for one in found
    ]
    met = asked.questions.met(contacts, Span(span.start_s - 3 * MEMORY_S, span.start_s))
    begun = {(one.network, one.client, one.at_s) for one in contacts}
    known = beacon.Known(
        asked.questions.callers(contacts, span.start_s),
        {tuple(row.values()) for row in met.to_pylist()},
        asked.questions.held_since(begun, span),
    )
    lives = asked.questions.lives(sorted({(one.network, one.client) for one in found}), end_s)
    return beacon.beacons(found, known, lives, asked.opened)


def _exfiltrations(asked: Asked) -> tuple[Sighting, ...]:
    end_s = asked.step.end_s
    span = Span(end_s - exfiltration.SPAN_S, end_s)
    table = asked.questions.outflows(span)
    if not table.num_rows:
        return ()
    clients = [(row["network"], row["client"]) for row in table.to_pylist()]
    day_s = span.start_s // exfiltration.SPAN_S * exfiltration.SPAN_S
    days = asked.questions.outflow_days(clients, Span(day_s - exfiltration.HISTORY_S, day_s))
    return exfiltration.exfiltrations(table, exfiltration.usual_of(days), asked.lives((table, "client")), asked.step)
