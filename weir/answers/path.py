"""Whether a client reaches a server: what the tables have of it, and what may be said."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from schemas.nearest import hint, nearest
from sinks.filter.rows import matches
from sinks.filter.sql import dimensions_of
from sinks.filter.tree import Node, Prefix, Search, is_metric, walk
from sinks.queries.edges import Ask
from sinks.queries.names import ask_names
from sinks.queries.namespaces import namespace_of
from sinks.queries.path import Ends, ask_epochs, ask_hosts, ask_lost_windows, ask_owners, ask_rows, ask_windows, planned
from sinks.queries.spans import Oldest, Plan, Span
from sinks.queries.status import ask_completeness
from streams.insights.path.coverage import Stretch, answered_end, covered, holes, missing, regular
from streams.insights.path.last_owner import last_owned, unanswered
from streams.insights.path.sentences import instant, reasons, sentence
from streams.insights.path.verdicts import Verdict, Watched, judge
from weir.answers.path_ends import ends_text
from weir.query_options import BadParameter

NAMES_SECONDS = 7 * 86_400
"""Names that were seen so long before the end of a span are known."""
NAMES_LIMIT = 2_000
ADDRESSES_LIMIT = 500
OWNERS_TOLD = 5
MICRO = 1_000_000
LOOK_BACK_S = 120
"""So much before a span a window is enough to know that an epoch had begun, where windows are no longer than a fourth of it."""


@dataclass(frozen=True)
class PathQuestion:
    """`scope`: a filter that bounds all that is said."""

    ends: Ends
    span: Span
    scope: Node | None = None


@dataclass(frozen=True)
class Path:
    """`answered`: the span up to where its windows have come. `evidence`: sums by node, zone and role."""

    question: PathQuestion
    verdict: Verdict
    sentence: str
    reasons: tuple[str, ...]
    evidence: pa.Table
    answered: Span
    plan: Plan
    sql: str


def path(ask: Ask, oldest: Oldest, question: PathQuestion) -> Path:
    """`ask` must not answer from a cache: rows have to be as new as the windows that say that nothing is missing of them.

    Raises BadParameter for a name that is not known, and WeirError where the tables do not go back so far.
    """
    ends, span, scope = question.ends, question.span, question.scope
    plan = planned(span, ends, scope, oldest)
    hosts = ask_hosts(ask, [ends.client, *_names(ends)], span)
    complete = ask_completeness(ask)
    watch = _watch(ask, set(hosts["node"].to_pylist()), span, max(1, complete.window_s))
    found, sql = ask_rows(ask, ends, plan, scope)
    named = pc.equal(found["maybe"], "")
    rows, nameless = found.filter(named), found.filter(pc.invert(named))
    hides = not _lets_through(scope, ends)
    if not hides:
        rows, nameless = _last_owned(ask, question, hosts, rows, nameless)
    _check_known(ask, oldest, question, hosts, rows)
    tellers = set(rows.filter(pc.equal(rows["role"], "client"))["node"].to_pylist())
    watch = watch.with_nodes(_watch(ask, tellers - watch.known.keys(), span, watch.window_s))
    watched = _watched(question, hosts, tellers, watch, complete.newest_s)
    watched = replace(watched, nameless=_nameless(nameless, _hosted_by(hosts, ends.server)), hides=hides)
    verdict = judge(ends.protocol == "tcp", rows, watched)
    words = (verdict, ends.client, ends_text(ends))
    said = (*reasons(*words, names_nodes=scope is None), *_owners(ends, rows), *plan.warnings)
    answered = Span(span.start_s, watched.span.end_s)
    return Path(question, verdict, sentence(*words), said, _evidence(rows), answered, plan, sql)


def _names(ends: Ends) -> tuple[str, ...]:
    return () if isinstance(ends.server, Prefix) else (ends.server,)


@dataclass(frozen=True)
class _Watch:
    """What some nodes told of: `known` has each of them."""

    known: Mapping[str, list[Stretch]]
    lost: pa.Table
    window_s: int

    def with_nodes(self, other: _Watch) -> _Watch:
        return _Watch({**self.known, **other.known}, pa.concat_tables([self.lost, other.lost]), self.window_s)


def _watch(ask: Ask, nodes: Collection[str], span: Span, window_s: int) -> _Watch:
    wide = Span(max(0, span.start_s - max(LOOK_BACK_S, 4 * window_s)), span.end_s)
    known = regular(ask_epochs(ask, nodes, wide)) if nodes else {}
    others = set(nodes) - known.keys()
    known |= covered(ask_windows(ask, others, wide)) if others else {}
    return _Watch({node: known.get(node, []) for node in nodes}, ask_lost_windows(ask, nodes, wide, window_s), window_s)


def _watched(question: PathQuestion, hosts: pa.Table, tellers: set[str], watch: _Watch, newest_s: int) -> Watched:
    """`tellers`: nodes that told of the client, also where it held no address of its own there."""
    ends, span = question.ends, Stretch(question.span.start_s, question.span.end_s)
    of_client, of_server = _hosted_by(hosts, ends.client), _hosted_by(hosts, ends.server)
    nodes = of_client.keys() | tellers
    end_s = answered_end({node: watch.known[node] for node in nodes}, span, newest_s, watch.window_s)
    answered = Stretch(span.start_s, end_s)
    had = [one for held in of_client.values() for one in held]
    lost = watch.lost.filter(pc.is_in(watch.lost["node"], pa.array([*nodes, ""], pa.string())))
    return Watched(
        answered,
        holes(sorted(nodes), watch.known, lost, had, answered, watch.window_s),
        server_watched=bool(of_server) and not any(missing(watch.known[node], answered, watch.window_s) for node in of_server),
    )


def _hosted_by(hosts: pa.Table, workload: object) -> dict[str, list[Stretch]]:
    """When each node had the workload."""
    found: dict[str, list[Stretch]] = {}
    for row in hosts.to_pylist():
        if row["workload"] == workload:
            found.setdefault(row["node"], []).append(Stretch(row["start_us"] // MICRO, -(-row["end_us"] // MICRO)))
    return found


def _last_owned(ask: Ask, question: PathQuestion, hosts: pa.Table, rows: pa.Table, nameless: pa.Table) -> tuple[pa.Table, pa.Table]:
    """With what failed at addresses that the server was the last to have: where all of it has ended, nobody has them."""
    failing = unanswered(nameless)
    of_server = set(hosts.filter(pc.equal(hosts["workload"], str(question.ends.server)))["address"].to_pylist())
    addresses = of_server & set(nameless.filter(failing)["address"].to_pylist())
    if not addresses:
        return rows, nameless
    owners = ask_owners(ask, sorted(addresses)[:ADDRESSES_LIMIT], question.span)
    last = pc.and_(failing, last_owned(nameless, owners, str(question.ends.server)))
    return pa.concat_tables([rows, nameless.filter(last)]), nameless.filter(pc.invert(last))


def _nameless(found: pa.Table, of_server: Mapping[str, object]) -> int:
    """Rows of the client that may have been the server's. What is outside is not a server that an agent has told of."""
    maybe = found["maybe"].to_pylist()
    return sum(reason != "" and (reason != "external" or not of_server) for reason in maybe)


def _lets_through(scope: Node | None, ends: Ends) -> bool:
    """Whether a filter shows every row of the path, whatever else stands in it."""
    if scope is None:
        return True
    row: dict[str, str | int] = {"client": ends.client, "client_namespace": namespace_of(ends.client), "protocol": ends.protocol}
    if isinstance(ends.server, str):
        row |= {"server": ends.server, "server_namespace": namespace_of(ends.server)}
    if ends.port is not None:
        row |= {"service_port": ends.port}
    leaves = list(walk(scope))
    if any(is_metric(leaf) or isinstance(leaf, Search) for leaf in leaves) or not dimensions_of(scope) <= row.keys():
        return False
    return matches(scope, row)


def _check_known(ask: Ask, oldest: Oldest, question: PathQuestion, hosts: pa.Table, rows: pa.Table) -> None:
    """Raises BadParameter. Within a scope a name is known if a flow within it has it."""
    ends, span = question.ends, question.span
    told = set(hosts["workload"].to_pylist()) if question.scope is None else set()
    recent = Span(max(0, span.end_s - NAMES_SECONDS), span.end_s)
    for parameter, name, fields in (("client", ends.client, ("workload",)), ("server", ends.server, ("workload", "service", "domain"))):
        if isinstance(name, Prefix) or name in told or rows.num_rows:
            continue
        names = [one for field in fields for one in _ask(ask, recent, field, name, question.scope, oldest)]
        if name not in names:
            others = [one for field in fields for one in _ask(ask, recent, field, "", question.scope, oldest)]
            meant = hint(nearest(name, [*names, *others]), otherwise="name one that `weir query --by client,server` shows.")
            raise BadParameter(parameter, f"{parameter}={name[:60]} was not seen in the last {NAMES_SECONDS // 86_400} days: {meant}")


def _ask(ask: Ask, span: Span, field: str, part: str, scope: Node | None, oldest: Oldest) -> list[str]:
    found: list[str] = ask_names(ask, span, field, part, scope, NAMES_LIMIT, oldest)["name"].to_pylist()
    return found


def _owners(ends: Ends, rows: pa.Table) -> Iterable[str]:
    """Whose the addresses were, in the order of time."""
    if not isinstance(ends.server, Prefix) or not rows.num_rows:
        return
    sums = rows.group_by("server").aggregate([("first_us", "min"), ("last_us", "max")]).sort_by("first_us_min").to_pylist()
    if len(sums) > 1:
        each = [
            f"{row['server'] or 'of no known owner'} from {instant(row['first_us_min'])} to {instant(row['last_us_max'])}" for row in sums
        ]
        yield f"{ends.server.written} was {'; '.join(each[:OWNERS_TOLD])}: what is said is of the addresses."


def _evidence(rows: pa.Table) -> pa.Table:
    """node, zone, role, counts, last_success_us and last_failure_us: those that failed most stand first."""
    counts = ("opened", "failed", "refused", "timed_out", "bytes")
    success, failure = (pc.if_else(pc.greater(rows[name], 0), rows["last_us"], None) for name in ("opened", "failed"))
    told = rows.append_column("last_success_us", success).append_column("last_failure_us", failure)
    wanted = [*((name, "sum") for name in counts), ("last_success_us", "max"), ("last_failure_us", "max")]
    sums = told.group_by(["node", "zone", "role"]).aggregate(wanted)
    names = [name.removesuffix("_sum").removesuffix("_max") for name in sums.column_names]
    ordered = sums.rename_columns(names).sort_by([("failed", "descending"), ("opened", "descending"), ("node", "ascending")])
    return ordered.select(["node", "zone", "role", *counts, "last_success_us", "last_failure_us"])
