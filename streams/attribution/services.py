"""Names for ends that are service addresses: of the one workload that stood behind the address all of the flow's time.

Two kinds of ends are asked for, of those that listen: addresses that no heartbeat and no event has ever spoken for; and node ports, where
all that is known of the address is that it is the node's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from schemas.addresses import is_loopback
from schemas.arrays import I64, U8, U16
from schemas.instants import FOREVER_US, NEVER_US
from schemas.names import NODE_PREFIX
from schemas.records.cluster import NODE_PORTS
from streams.attribution.attribute import REASONS, SOURCES, Attribution, Endpoints
from streams.ownership.intervals import NOBODY
from streams.ownership.map import OwnershipMap
from streams.ownership.service_history import AMBIGUOUS, GAP, NAMED, NOTHING, SHARED, Verdict

_NONE, _HEARTBEAT, _SERVICE = (SOURCES.index(name) for name in ("none", "heartbeat", "service"))
_UNKNOWN, _SHARED = REASONS.index("unknown"), REASONS.index("shared")
_REASONS = {NAMED: "", SHARED: "shared", AMBIGUOUS: "ambiguous", GAP: "gap"}
_REASON_OF_STATE = np.array([REASONS.index(_REASONS.get(state, "")) for state in range(len(_REASONS) + 1)], np.uint8)


class _Answers:
    """What is found of each of n ends: a number in `verdicts`, whose first says nothing."""

    def __init__(self, rows: int) -> None:
        self.number = np.zeros(rows, np.int64)
        self.verdicts = [Verdict(NOTHING)]

    def put(self, rows: I64, number: I64, verdicts: Sequence[Verdict]) -> None:
        self.number[rows] = number + len(self.verdicts)
        self.verdicts += verdicts

    def states(self, rows: I64) -> U8:
        states: U8 = np.array([verdict.state for verdict in self.verdicts], np.uint8)[self.number[rows]]
        return states


def name_services(known: OwnershipMap, ends: Endpoints, named: Attribution) -> Attribution:
    """`named` (n rows) with what watchers have told of the rows' service addresses.

    What the others named stays as it is, but for a node's own claim to a whole address, where a node port is known: it is true, and says
    less. No place is known of what a service stands for, so `node` is NOBODY. An end whose service is not known for all of the flow's time
    gets that reason, so that no label is put on it.
    """
    if not known.services.size:
        return named
    answers = _Answers(len(named.owner))
    silent = _silent_ends(ends, named)
    _ask(known, ends, silent, answers)
    _ask_node_ports(known, ends, silent[answers.states(silent) == NOTHING], _coarse_ends(known, ends, named), answers)
    return _with_answers(known, named, answers)


def _silent_ends(ends: Endpoints, named: Attribution) -> I64:
    rows = np.flatnonzero(ends.listening & ((named.reason == _UNKNOWN) | (named.reason == _SHARED)))
    silent: I64 = rows[~is_loopback(ends.ip[rows])]
    return silent


def _coarse_ends(known: OwnershipMap, ends: Endpoints, named: Attribution) -> I64:
    """Rows that a node's claim to the whole address names, at a port that is a node port of some service."""
    rows = np.flatnonzero(known.services.node_ports[ends.service_port] & ends.listening & (named.source == _HEARTBEAT) & ~named.by_port)
    texts = known.names.texts
    nodes = [owner for owner in np.unique(named.owner[rows]).tolist() if texts[owner].startswith(NODE_PREFIX)]
    coarse: I64 = rows[np.isin(named.owner[rows], nodes)]
    return coarse


def _ask(known: OwnershipMap, ends: Endpoints, rows: I64, answers: _Answers, ip: U8 | None = None) -> None:
    """`ip`: asked for in place of the rows' own."""
    if rows.size:
        answers.put(rows, *_found(known, ends, rows, ends.ip[rows] if ip is None else ip, ends.protocol[rows], ends.service_port[rows]))


def _ask_node_ports(known: OwnershipMap, ends: Endpoints, silent: I64, coarse: I64, answers: _Answers) -> None:
    """A node port is one wherever the address is known to be a node's all the time; what is not sure replaces no name."""
    silent = silent[known.services.node_ports[ends.service_port[silent]]]
    rows = np.concatenate((silent, coarse))
    _ask(known, ends, rows, answers, np.tile(np.frombuffer(NODE_PORTS, np.uint8), (len(rows), 1)))
    asked = rows[answers.states(rows) != NOTHING]
    if not asked.size:
        return
    number, verdicts = _found(known, ends, asked, ends.ip[asked], np.zeros(len(asked), np.uint8), np.zeros(len(asked), np.uint16))
    address = np.array([verdict.state for verdict in verdicts], np.uint8)[number]
    answers.number[asked[address == NOTHING]] = 0
    unsure = (address == GAP) | (address == AMBIGUOUS)
    answers.put(asked[unsure], number[unsure], verdicts)
    replaced = answers.states(coarse)
    answers.number[coarse[(replaced != NAMED) & (replaced != SHARED)]] = 0


def _found(known: OwnershipMap, ends: Endpoints, rows: I64, ip: U8, protocol: U8, port: U16) -> tuple[I64, list[Verdict]]:
    """By as much as a range must outlast a flow at either end, a watermark must: clocks may differ by the skew."""
    skew_us = known.tolerance.skew_us
    first_us, last_us = (np.clip(instant[rows], NEVER_US, FOREVER_US) for instant in (ends.first_us, ends.last_us))
    span = np.minimum(first_us, last_us) - skew_us, np.maximum(first_us, last_us) + skew_us
    return known.services.find(ends.names, ends.network[rows], ip, protocol, port, *span)


def _with_answers(known: OwnershipMap, named: Attribution, answers: _Answers) -> Attribution:
    rows = np.flatnonzero(answers.number)
    states = answers.states(rows)
    rows = rows[states != NOTHING]
    if not rows.size:
        return named
    number, states = answers.number[rows], states[states != NOTHING]
    names = known.names
    workloads = names.numbers([verdict.workload for verdict in answers.verdicts])
    services = names.numbers([verdict.service for verdict in answers.verdicts])
    served = (states == NAMED) | (states == SHARED)
    owner, node, service = (column.copy() for column in (named.owner, named.node, named.service))
    source, reason = named.source.copy(), named.reason.copy()
    owner[rows] = np.where(states == NAMED, workloads[number], NOBODY)
    source[rows] = np.where(states == NAMED, _SERVICE, _NONE)
    reason[rows], node[rows] = _REASON_OF_STATE[states], NOBODY
    service[rows] = np.where(served, services[number], NOBODY)
    return replace(named, owner=owner, source=source, reason=reason, node=node, service=service)
