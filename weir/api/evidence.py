"""Who held an address, and why a flow has its name or none; names outside of a person's scope are put out of sight."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from schemas.addresses import parse_address
from schemas.errors import Unreadable
from sinks.engines.result import readable
from sinks.filter.sql import condition
from sinks.filter.tree import Node
from sinks.queries.ownership import ask_ownership
from sinks.queries.sources import columns
from sinks.queries.spans import Piece, Plan
from weir.api import parameters as p
from weir.api.auth.scope import sees
from weir.api.problems import Problem, bad_parameter
from weir.api.questions import MICRO, Document, Recorded, Reply, said_of, span_of
from weir.api.tables import Tables
from weir.explain.as_object import said
from weir.explain.evidence import Evidence, Flow, Question, gather
from weir.explain.known import Rules, name_now
from weir.explain.told import recall
from weir.query_options import read_instant

_NAMES = ("workload", "workloads", "service", "node_id", "watcher")
"""Columns of what is known of an address that hold names."""


def ownership(tables: Tables, scope: Node | None, asked: p.OwnershipParameters) -> Reply:
    if bool(asked.ip) == bool(asked.workload):
        raise bad_parameter("ip", "Whose ranges are wanted? Give either ip=ADDRESS or workload=NAME.")
    span = span_of(tables, asked)
    ask = Recorded(tables.ask_now)
    rows = ask_ownership(ask, span, _address("ip", asked.ip) if asked.ip else None, asked.workload or None, asked.limit)
    if scope is not None:
        rows = rows.slice(0, 0) if asked.workload and not sees(scope, asked.workload) else _Mask(scope).table(readable(rows))
    return Reply(rows, said_of(tables, Plan((Piece("ownership", span),), span, ()), ask.sql))


def explain(rules: Rules, tables: Tables, scope: Node | None, asked: p.ExplainParameters) -> Document:
    at_us = None if not asked.at else read_instant("at", asked.at, tables.now_s()) * MICRO
    local = _address("local_ip", asked.local_ip) if asked.local_ip else None
    visible = "" if scope is None else condition(scope, columns("flows"))
    question = Question(_address("ip", asked.ip), local, asked.port, at_us, visible)
    evidence = gather(_Asks(tables), question)
    if evidence is None:
        raise Problem(404, "There is no such flow", f"No flow to {asked.ip} fits: leave out local_ip, port or at.")
    if scope is None:
        return _explained(_Asks(tables), evidence, rules)
    asks = _Asks(tables, _Mask(scope, evidence.flow))
    masked = gather(asks, question)
    if masked is None:
        raise Problem(404, "There is no such flow", f"No flow to {asked.ip} fits any more: ask again.")
    return _explained(asks, masked, rules)


def _explained(asks: _Asks, evidence: Evidence, rules: Rules) -> Document:
    told = recall(asks, evidence.flow, rules.retention_us, rules.silence_us)
    return Document(said(evidence, name_now(evidence, told, rules)), {})


class _Mask:
    """A name out of sight stays the same name in one answer: whether two owners are one is seen, who they are is not."""

    def __init__(self, scope: Node, flow: Flow | None = None) -> None:
        self._scope = scope
        shown = () if flow is None else (flow.local_workload, flow.remote_workload, flow.remote_service, flow.node_id, flow.remote_node_id)
        self._given = {name: name for name in shown}

    def name(self, name: str) -> str:
        if name not in self._given:
            hidden = f"(outside of your scope, {len(self._given)})"
            self._given[name] = name if not name or sees(self._scope, name) else hidden
        return self._given[name]

    def table(self, found: pa.Table) -> pa.Table:
        """What the flow itself says is within the scope."""
        if "matching" in found.column_names:
            return found
        for at, name in enumerate(found.column_names):
            if name in _NAMES:
                values: list[Any] = found.column(at).to_pylist()
                kept = [[self.name(one) for one in value] if isinstance(value, list) else self.name(value) for value in values]
                found = found.set_column(at, name, pa.array(kept, pa.list_(pa.string()) if name == "workloads" else pa.string()))
        return found


class _Asks:
    """`weir.explain.asks.Asks` within the console's limits."""

    def __init__(self, tables: Tables, mask: _Mask | None = None) -> None:
        self._tables, self._mask = tables, mask

    def query(self, sql: str) -> pa.Table:
        found = readable(self._tables.ask_now(sql))
        return found if self._mask is None else self._mask.table(found)


def _address(name: str, text: str) -> bytes:
    try:
        return parse_address(text)
    except Unreadable:
        raise bad_parameter(name, f"{name}={text[:60]} is no address: write one like 10.0.0.1 or 2001:db8::1.") from None
