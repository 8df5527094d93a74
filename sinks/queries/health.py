"""What `weir health` compares: five-minute counts of every edge, those of the same hours of past weeks, and its past as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from schemas.errors import WeirError
from sinks.engines.quoting import literal
from sinks.filter.sql import condition, dimensions_of, metrics_of, split
from sinks.filter.tree import Node
from sinks.queries.beside import ask_beside
from sinks.queries.edges import BY, Ask
from sinks.queries.group_by import grouped
from sinks.queries.metrics import METRICS, base_sums
from sinks.queries.sources import canonical_of, columns, source_of, within
from sinks.queries.spans import FLOWS, Level, Oldest, Piece, Plan, Span, plan

STEP_S, HOUR_S, DAY_S = 300, 3_600, 86_400
PAST_S = 28 * DAY_S
KEYS = ("network", "client", "server", "protocol", "service_port")
ENDS = ("client", "server")
OF_A_NODE = 0.8
"""An end is of the node that told of so much of what was opened at it; with replicas on many nodes it is of none."""
COUNTS = ("connections_opened", "connections_failed", "connections_closed", "connections_reset", "packets_sent", "retransmits")
CAUSES = ("connections_refused", "connections_timed_out")
TIMES = ("rtt", "connect")
_ENDS = ("network", "client", "server", "service", "domain", "reason", "protocol", "service_port")
LISTS = (*COUNTS, *CAUSES, *(f"{time}_{part}" for time in TIMES for part in ("tried", "slow")))


@dataclass(frozen=True)
class Asked:
    """`steps`: whole steps of STEP_S, `judged` the last of them. `slow_from`: by bucket of the usual median, the first that is slow."""

    steps: Span
    judged: Span
    slow_from: Sequence[int]
    filter: Node | None = None


@dataclass(frozen=True)
class Counts:
    """`named`: a row an edge, in the order of KEYS, with `edge` (a number for it) and KEYS. A nameless end is its service, its domain, or
    the reason.

    `cells`: a row an edge and step or hour of the past, in any order: `edge`; `at`, the start in steps since 1970; `is_hour`; LISTS, of
    which CAUSES are 0 in hours. There is one wherever a flow was seen.

    `past`: a row an edge that has one: `edge`, the sums of COUNTS over the past as a whole, and of each of TIMES the `_buckets` that have
    samples, counted from 1, and the `_samples` in them.
    """

    named: pa.Table
    cells: pa.Table
    past: pa.Table
    plan: Plan
    sql: str


def ask_counts(ask: Ask, asked: Asked, oldest: Oldest) -> Counts:
    """Raises WeirError for a filter by address: of past weeks none is kept."""
    parts = split(asked.filter)
    levels = source_of(dimensions_of(parts.where), "canonical").levels
    if levels == FLOWS:
        raise WeirError("The filter asks for an address, and past weeks are known by name alone: leave ip, client_ip and server_ip out.")
    five, hour = (next(level for level in levels if level.unit_s == unit) for unit in (STEP_S, HOUR_S))
    pieces = _past_pieces(past_of(asked.steps), levels, oldest)
    having = _having(parts.where, parts.having, asked.judged, levels, oldest)
    past = _past(_Rows(parts.where, having), pieces)
    rows = _Rows(parts.where, having, _limits(past, asked.slow_from))
    statement = _now(rows, asked, five.table, hour.table)
    cells, named, before = ask_beside(ask, (statement, _called(rows, asked, hour.table), _listed(past)))
    tables = (Piece(five.table, asked.judged), *pieces)
    return Counts(named, _unpacked(cells), before, Plan(tables, asked.judged, ()), statement)  # what a number is called never changes


def past_of(steps: Span) -> Span:
    """Up to the hour that the steps begin in: what is judged is no part of what it is judged by."""
    return Span(max(0, steps.start_s // DAY_S * DAY_S - PAST_S), steps.start_s // HOUR_S * HOUR_S)


def _past_pieces(past: Span, levels: tuple[Level, ...], oldest: Oldest) -> tuple[Piece, ...]:
    """Of days and hours; of hours alone where nothing else knows what is asked for. What is not there is no past."""
    whole = tuple(level for level in levels if level.unit_s >= HOUR_S)
    return plan(past, whole, oldest).pieces if len(whole) > 1 else tuple(Piece(level.table, past) for level in whole)


def _having(where: Node | None, having: Node | None, judged: Span, levels: tuple[Level, ...], oldest: Oldest) -> str:
    """SELECT of BY of the edges that a filter by sums lets through; empty: there is none."""
    if having is None:
        return ""
    edges = grouped(plan(judged, levels, oldest).pieces, BY, where, base_sums(metrics_of(having)), "canonical")
    let_through = condition(having, {name: metric.sql for name, metric in METRICS.items() if metric.sql})
    return f"SELECT {', '.join(f'd_{name}' for name in BY)} FROM ({edges}) WHERE {let_through}"  # noqa: S608 (composed of weir's own names)


@dataclass(frozen=True)
class _Rows:
    """`limits`: SQL of a tuple, of arrays of edges and for each of TIMES of their first slow buckets."""

    where: Node | None
    having: str
    limits: str = ""
    also: str = ""

    def cells(self, table: str, spans: Sequence[Span], unit_s: int, is_hour: bool, also: str = "") -> str:
        """A row an edge and unit of time, of sums by `s_`. Joins by edge are left to `transform`, which is told of all."""
        known = columns(table)
        begin = f"toInt32(intDiv(toUnixTimestamp(window_start), {unit_s}) * {unit_s // STEP_S})"
        shown = [f"{_edge(known)} AS edge", f"{begin} AS begun", f"toUInt8({int(is_hour)}) AS of_hour"]
        shown += [f"sum({known[name]}) AS s_{name}" for name in COUNTS]
        shown += [f"{0 if is_hour else f'sum({known[name]})'} AS s_{name}" for name in CAUSES]
        for number, name in enumerate(TIMES, 2):
            first = f"transform({_edge(known)}, tupleElement(limits, 1), tupleElement(limits, {number}), toUInt8(0))"
            slow = f"arraySum((samples, bucket) -> if(bucket >= {first}, samples, 0), mapValues({name}_samples), mapKeys({name}_samples))"
            shown.append(f"sum(if({first} = 0, 0, arraySum(mapValues({name}_samples)))) AS s_{name}_tried")
            shown.append(f"sum(if({first} = 0, 0, {slow})) AS s_{name}_slow")
        return f"SELECT {', '.join(shown)} FROM {self.let_through(table, spans, also)} GROUP BY edge, begun"  # noqa: S608

    def ends(self, table: str, span: Span, also: str) -> str:
        """A row an edge, of its ends by `e_`: apart from the cells, each of which would have to hold all of these texts."""
        known = columns(table)
        shown = ", ".join(f"any({known[name]}) AS e_{name}" for name in _ENDS)
        return f"SELECT {_edge(known)} AS edge, {shown} FROM {self.let_through(table, [span], also)} GROUP BY edge"  # noqa: S608

    def whole(self, table: str, spans: Sequence[Span]) -> str:
        known = columns(table)
        sums = [f"sum({known[name]}) AS s_{name}" for name in COUNTS] + [f"sumMap({name}_samples) AS s_{name}" for name in TIMES]
        return f"SELECT {_edge(known)} AS edge, {', '.join(sums)} FROM {self.let_through(table, spans)} GROUP BY edge"  # noqa: S608

    def let_through(self, table: str, spans: Sequence[Span], also: str = "") -> str:
        known = columns(table)
        asked = f"{within(*spans)}{canonical_of(table, 'canonical')}{self.also}{also} AND {condition(self.where, known)}"
        if self.having:
            asked += f" AND ({', '.join(known[name] for name in BY)}) IN ({self.having})"
        return f"weir.{table} WHERE {asked}"


def _edge(known: Mapping[str, str]) -> str:
    """A number for KEYS as they will be called."""
    server, service, domain = (f"{known[name]} = ''" for name in ("server", "service", "domain"))
    called = [
        f"if({server}, {known['service']}, '')",
        f"if({server} AND {service}, {known['domain']}, '')",
        f"if({known['client']} = '' OR {server} AND {service} AND {domain}, {known['reason']}, '')",
    ]
    return f"cityHash64({', '.join([*(known[name] for name in KEYS), *called])})"


def _past(rows: _Rows, pieces: Sequence[Piece]) -> str:
    spans: dict[str, list[Span]] = {}
    for piece in pieces:
        spans.setdefault(piece.table, []).append(piece.span)
    each = " UNION ALL ".join(rows.whole(table, found) for table, found in spans.items())
    sums = [f"sum(s_{name}) AS {name}" for name in COUNTS] + [f"sumMap(s_{name}) AS {name}" for name in TIMES]
    return f"SELECT edge, {', '.join(sums)} FROM ({each}) GROUP BY edge"  # noqa: S608


def _listed(past: str) -> str:
    return f"SELECT edge, {', '.join(COUNTS)}, {_times()} FROM ({past})"  # noqa: S608


def _times() -> str:
    return ", ".join(f"mapKeys({name}) AS {name}_buckets, mapValues({name}) AS {name}_samples" for name in TIMES)


def _limits(past: str, slow_from: Sequence[int]) -> str:
    """Of each edge with a median: the first bucket, counted from 1, that is slow beside it. 0: it has none."""
    by_median = f"[{', '.join(str(bucket + 1) for bucket in slow_from)}]"
    firsts = [
        f"groupArray(toUInt8(if(empty({name}), 0, {by_median}[mapKeys({name})["
        f"arrayFirstIndex(seen -> seen * 2 >= arraySum(mapValues({name})), arrayCumSum(mapValues({name})))]])))"
        for name in TIMES
    ]
    return f"SELECT tuple(groupArray(edge), {', '.join(firsts)}) FROM ({past})"  # noqa: S608


def _of_hours(asked: Asked) -> str:
    """SQL, with its AND, of the hours of the day that the steps are in."""
    hours = sorted({second // HOUR_S % 24 for second in range(asked.steps.start_s, asked.steps.end_s, STEP_S)})
    return f" AND intDiv(toUnixTimestamp(window_start), {HOUR_S}) % 24 IN ({', '.join(map(str, hours))})"


def _now(rows: _Rows, asked: Asked, five: str, hour: str) -> str:
    """One row of long lists: rows would be too many for `ask`, and lists by edge take twice the time. A float is exact up to 2^24."""
    past = [past_of(asked.steps)]
    cells = rows.cells(five, [asked.steps], STEP_S, False), rows.cells(hour, past, HOUR_S, True, _of_hours(asked))
    shown = [f"groupArray({name}) AS {called}" for name, called in (("edge", "edge"), ("begun", "at"), ("of_hour", "is_hour"))]
    shown += [f"groupArray(toFloat32(s_{name})) AS {name}" for name in LISTS]
    return f"WITH ({rows.limits}) AS limits SELECT {', '.join(shown)} FROM ({' UNION ALL '.join(cells)})"  # noqa: S608


def _called(rows: _Rows, asked: Asked, hour: str) -> str:
    """`edge` and KEYS, in their order. A nameless end is its service, its domain, or the reason.

    By the hours that the cells are in: of steps there are twelve times as many.
    """
    hours = rows.ends(hour, Span(past_of(asked.steps).start_s, asked.steps.end_s), _of_hours(asked))
    nobody = "concat('(', if(e_reason = '', 'no name', e_reason), ')')"
    server = ", ".join(f"e_{name} != '', e_{name}" for name in ("server", "service", "domain"))
    shown = ["edge", "e_network AS network", f"if(e_client = '', {nobody}, e_client) AS client"]
    shown += [f"multiIf({server}, {nobody}) AS server", "e_protocol AS protocol", "toUInt16(e_service_port) AS service_port"]
    return f"SELECT {', '.join(shown)} FROM ({hours}) ORDER BY {', '.join(KEYS)}, edge"  # noqa: S608


def _unpacked(lists: pa.Table) -> pa.Table:
    return pa.table({name: pa.chunked_array([chunk.flatten() for chunk in lists.column(name).chunks]) for name in lists.column_names})


def ask_before(ask: Ask, asked: Asked, edges: Sequence[int], backs_s: Sequence[int]) -> pa.Table:
    """What these edges tried so long before the judged steps: `edge`, and lists of `at` (starts in UNIX seconds) and `tried`."""
    spans = [Span(max(0, asked.judged.start_s - back), max(0, asked.judged.end_s - back)) for back in backs_s]
    steps = _of_edges(asked, edges, spans, "toUInt64(sum(connections_opened + connections_failed)) AS attempts")
    return ask(f"SELECT edge, groupArray(begun) AS at, groupArray(attempts) AS tried FROM ({steps}) GROUP BY edge")  # noqa: S608


def ask_times(ask: Ask, asked: Asked, edges: Sequence[int]) -> pa.Table:
    """Samples of these edges by step: `edge`, `at` (its start in UNIX seconds), and of each of TIMES what `Counts.past` has."""
    sums = ", ".join(f"sumMap({name}_samples) AS {name}" for name in TIMES)
    return ask(f"SELECT edge, begun AS at, {_times()} FROM ({_of_edges(asked, edges, [asked.steps], sums)})")  # noqa: S608


def _of_edges(asked: Asked, edges: Sequence[int], spans: Sequence[Span], sums: str) -> str:
    parts = split(asked.filter)
    five = next(one for one in source_of(dimensions_of(parts.where), "canonical").levels if one.unit_s == STEP_S)
    edge = _edge(columns(five.table))
    rows = _Rows(parts.where, "", also=f" AND {edge} IN ({_numbers(edges)})").let_through(five.table, spans)
    at = f"toUInt32(intDiv(toUnixTimestamp(window_start), {STEP_S}) * {STEP_S})"
    return f"SELECT {edge} AS edge, {at} AS begun, {sums} FROM {rows} GROUP BY edge, begun"  # noqa: S608


def ask_zones(ask: Ask, asked: Asked) -> pa.Table:
    """`edge`, and by ENDS the zones of most of what it tried in the judged span."""
    parts = split(asked.filter)
    five = next(one for one in source_of(dimensions_of(parts.where), "canonical").levels if one.unit_s == STEP_S)
    known = columns(five.table)
    most = f"sum({known['connections_opened']} + {known['connections_failed']})"
    zones = ", ".join(f"toString({known[f'{end}_zone']}) AS z_{end}" for end in ENDS)
    rows = f"SELECT {_edge(known)} AS edge, {zones}, {most} AS most FROM {_Rows(parts.where, '').let_through(five.table, (asked.judged,))}"  # noqa: S608
    shown = ", ".join(f"argMax(z_{end}, most) AS {end}" for end in ENDS)
    return ask(f"SELECT edge, {shown} FROM ({rows} GROUP BY edge, {', '.join(f'z_{end}' for end in ENDS)}) GROUP BY edge")  # noqa: S608


def ask_nodes(ask: Ask, asked: Asked) -> pa.Table:
    """`edge`, and by ENDS the nodes that they are of, up to four hours before the judged span; empty: of none, or of one without an agent.

    By hours, and from what either side told: a server that is away has told of its connections before.
    """
    known = columns("flows_1h")
    since = Span(asked.steps.start_s // HOUR_S * HOUR_S, asked.judged.end_s)
    where = f"{within(since)} AND {condition(split(asked.filter).where, known)}"
    told = f"{_edge(known)} AS edge, toString(role) AS side, toString(node_id) AS node, sum({known['connections_opened']}) AS some"
    rows = f"SELECT {told} FROM weir.flows_1h WHERE {where}"  # noqa: S608
    shown = ", ".join(
        f"if(maxIf(some, side = '{end}') >= {OF_A_NODE} * sumIf(some, side = '{end}'), argMaxIf(node, some, side = '{end}'), '') AS {end}"
        for end in ENDS
    )
    return ask(f"SELECT edge, {shown} FROM ({rows} GROUP BY edge, side, node) WHERE some > 0 GROUP BY edge")  # noqa: S608


def ask_reporters(ask: Ask, span: Span, edges: Sequence[int]) -> pa.Table:
    """Which nodes told of these edges: `edge`, `node`."""
    edge = _edge(columns("flows_5m"))
    return ask(
        f"SELECT {edge} AS edge, toString(node_id) AS node FROM weir.flows_5m "  # noqa: S608 (composed of weir's own names)
        f"WHERE {within(span)} AND canonical AND {edge} IN ({_numbers(edges)}) GROUP BY edge, node"
    )


def ask_reported(ask: Ask, span: Span, nodes: Sequence[str]) -> pa.Table:
    """Of which steps these nodes have told all, and lost nothing: `node`, `step` (its start in UNIX seconds)."""
    these = f"{within(span)} AND node_id IN ({', '.join(map(literal, nodes))})"
    step = f"intDiv(toUnixTimestamp(window_start), {STEP_S}) * {STEP_S}"
    windows = (
        "SELECT node_id, epoch, window_start, max(window_seconds) AS seconds, uniqExact(batch_index) AS have, max(batch_count) AS want "  # noqa: S608
        f"FROM weir.batches WHERE {these} GROUP BY node_id, epoch, window_start"
    )
    lost = f"SELECT node_id, {step} AS step FROM weir.losses WHERE {these}"  # noqa: S608
    whole = f"have >= want AND (node_id, {step}) NOT IN ({lost})"
    return ask(
        f"SELECT toString(node_id) AS node, toUInt32({step}) AS step FROM ({windows}) WHERE {whole} "  # noqa: S608
        f"GROUP BY node_id, step HAVING sum(seconds) >= {STEP_S}"
    )


def _numbers(edges: Sequence[int]) -> str:
    return ", ".join(f"{int(edge)}" for edge in edges)
