"""Exfiltration: a client that sends many times more to an external end within a day than it ever sends, and gets little back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from schemas.records.finding import Sighting
from sinks.queries.spans import Span
from streams.insights.security.lives import Lives, is_expected
from streams.insights.security.sighted import Seen, key_of, sighting

SPAN_S = 86_400
HISTORY_S = 28 * 86_400
TIMES = 10.0
LEAST = 100_000_000
"""Bytes in a day: less is not looked at."""


@dataclass(frozen=True)
class Usual:
    """`day_sent`: by client, the 99th percentile of bytes sent outside in a day. `ends`: by client and end, sent and received."""

    day_sent: Mapping[tuple[str, str], float]
    ends: Mapping[tuple[str, str, str], tuple[int, int]]


def usual_of(days: pa.Table) -> Usual:
    """`days`: network, client, end, day, sent, received, for days with traffic."""
    ends: dict[tuple[str, str, str], tuple[int, int]] = {}
    of_ends = days.group_by(["network", "client", "end"]).aggregate([("sent", "sum"), ("received", "sum")])
    for row in of_ends.to_pylist():
        ends[row["network"], row["client"], row["end"]] = row["sent_sum"], row["received_sum"]
    of_days = days.group_by(["network", "client", "day"]).aggregate([("sent", "sum")])
    sums: dict[tuple[str, str], list[int]] = {}
    for row in of_days.to_pylist():
        sums.setdefault((row["network"], row["client"]), []).append(row["sent_sum"])
    return Usual({client: float(np.quantile(held, 0.99)) for client, held in sums.items()}, ends)


def exfiltrations(now: pa.Table, usual: Usual, lives: Lives, step: Span) -> tuple[Sighting, ...]:
    """`now`: network, client, end, sent, received, at_s of SPAN_S, where more than LEAST was sent. `usual`: of HISTORY_S before."""
    found = []
    for row in now.to_pylist():
        network, client, end, sent, received = (row[name] for name in ("network", "client", "end", "sent", "received"))
        day_sent, before = usual.day_sent.get((network, client), 0.0), usual.ends.get((network, client, end), (0, 0))
        turned = sent > received and before[0] <= before[1]
        if sent <= max(LEAST, TIMES * day_sent) or not turned or is_expected(lives, network, client, step.end_s):
            continue
        to = end or "addresses without a name"
        much = f"{day_sent / 1e6:,.1f} MB to all ends outside are much for it"
        sentence = f"{client} sent {sent / 1e6:,.0f} MB to {to} within a day; {much}."
        evidence = {"bytes_sent": sent, "bytes_received": received, "usual_day_sent": day_sent}
        seen = Seen(row["at_s"], step.end_s, sent)
        found.append(sighting(key_of("exfiltration", network, client, end), "critical", seen, sentence, evidence))
    return tuple(found)
