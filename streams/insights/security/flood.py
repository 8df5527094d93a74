"""Floods: a server that takes many times more connections or packets than it ever does, from many sources."""

from __future__ import annotations

import pyarrow as pa

from schemas.records.finding import Sighting
from sinks.queries.spans import Span
from streams.insights.security.lives import Lives, is_expected
from streams.insights.security.sighted import Seen, key_of, sighting

TIMES = 10.0
SOURCES = 50
OPENED, PACKETS = 3_000, 300_000
"""Fewer in five minutes are no flood of anything."""
HISTORY_S = 28 * 86_400


def floods(now: pa.Table, usual: pa.Table, lives: Lives, step: Span) -> tuple[Sighting, ...]:
    """`now`: network, server, service_port, opened, packets, sources of the step, of servers that pass the lowest bounds. `usual`: opened
    and packets in five minutes, the 99th percentile of hours of HISTORY_S.
    """
    before = {(row["network"], row["server"], row["service_port"]): (row["opened"], row["packets"]) for row in usual.to_pylist()}
    found = []
    for row in now.to_pylist():
        network, server, port = row["network"], row["server"], row["service_port"]
        opened, packets = before.get((network, server, port), (0.0, 0.0))
        many = row["opened"] > max(OPENED, TIMES * opened) or row["packets"] > max(PACKETS, TIMES * packets)
        if not many or row["sources"] < SOURCES or is_expected(lives, network, server, step.end_s):
            continue
        sentence = (
            f"{server} took {row['opened']:,} connections and {row['packets']:,} packets on port {port} from {row['sources']:,} addresses "
            f"within five minutes; {opened:,.0f} and {packets:,.0f} are much for it."
        )
        evidence = {
            "opened": row["opened"], "packets": row["packets"], "sources": row["sources"], "usual_opened": opened, "usual_packets": packets,
        }  # fmt: skip
        seen = Seen(step.start_s, step.end_s, row["opened"])
        found.append(sighting(key_of("flood", network, server, "", port), "critical", seen, sentence, evidence))
    return tuple(found)
