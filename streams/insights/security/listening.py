"""A new listening port: a workload answers on a port on which it has not answered for weeks, and was not changed just now.

High ports are one: some programs listen on whichever is free (sinks.queries.security.PASSING_PORTS).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pyarrow as pa

from schemas.records.finding import Sighting
from sinks.queries.spans import Span
from streams.insights.security.lives import DEPLOY_S, FAMILIAR_S, Lives, is_expected, is_fresh, is_lasting
from streams.insights.security.new_edge import ADMIN_PORTS
from streams.insights.security.sighted import Seen, first_of, key_of, sighting, spoken

COMMON = 3
"""A port that so many others answer on, as on that of their metrics, may well come with a new version."""

Served = Mapping[tuple[str, str], frozenset[str]]
"""Network and server -> who has called it within five weeks, on whichever port: a port that these alone use may come with a new version."""


def new_listeners(
    served: pa.Table,
    servers: Mapping[tuple[str, int], int],
    callers: Served,
    lives: Lives,
    scanners: Collection[tuple[str, str]],
    step: Span,
) -> tuple[Sighting, ...]:
    """`served`: network, server, service_port, opened, at_s, clients (names; empty: somebody outside), since_s (of the server's addresses):
    TCP ports of the step, unseen within five weeks. `servers`: by network and port, how many workloads have answered on it before.

    What scanners alone have reached is the scan's; a workload that calls an administrator's port, a new edge.
    """
    found = []
    for row in served.to_pylist():
        network, server, port = row["network"], row["server"], row["service_port"]
        is_for_known = set(row["clients"]) <= callers.get((network, server), frozenset())
        within_s = FAMILIAR_S if is_for_known or servers.get((network, port), 0) >= COMMON else DEPLOY_S
        is_new = is_fresh(row["at_s"], row["since_s"], within_s) or is_expected(lives, network, server, step.end_s, within_s)
        if is_new or not is_lasting(server):
            continue
        clients = [name for name in row["clients"] if name]
        if len(clients) == len(row["clients"]) and (port in ADMIN_PORTS or all((network, name) in scanners for name in clients)):
            continue
        by = f" to {spoken(clients)}" if clients else ""
        sentence = f"{server} answered{by} on port {port}, which it had not done for five weeks."
        seen = Seen(row["at_s"], step.end_s, row["opened"])
        evidence = {"connections": row["opened"], "some_clients": first_of(clients)}
        found.append(sighting(key_of("listening", network, server, "", port), "warning", seen, sentence, evidence))
    return tuple(found)
