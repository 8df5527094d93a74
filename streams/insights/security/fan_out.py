"""Fan-out: a client that talks to many more servers than it ever does."""

from __future__ import annotations

from collections.abc import Collection

import pyarrow as pa

from schemas.records.finding import Sighting
from sinks.queries.spans import Span
from streams.insights.security.lives import NODE, Lives, is_expected
from streams.insights.security.sighted import Seen, key_of, sighting

FEWEST = 20
TIMES = 5.0
HISTORY_S = 14 * 86_400


def fan_outs(now: pa.Table, usual: pa.Table, lives: Lives, scanners: Collection[tuple[str, str]], step: Span) -> tuple[Sighting, ...]:
    """`now`: network, client, servers: distinct ones of the step, where they are more than FEWEST. `usual`: the same, the 99th percentile
    of hours of HISTORY_S. `scanners`: clients of which a scan is told already.
    """
    before = {(row["network"], row["client"]): float(row["servers"]) for row in usual.to_pylist()}
    found = []
    for row in now.to_pylist():
        network, client, servers = row["network"], row["client"], row["servers"]
        most = before.get((network, client), 0.0)
        if servers <= max(FEWEST, TIMES * most) or (network, client) in scanners or client.startswith(NODE):
            continue
        if is_expected(lives, network, client, step.end_s):
            continue
        sentence = f"{client} talked to {servers} servers within five minutes; {most:.0f} in an hour are much for it."
        seen = Seen(step.start_s, step.end_s, servers)
        found.append(sighting(key_of("fan_out", network, client), "warning", seen, sentence, {"servers": servers, "usual": most}))
    return tuple(found)
