"""Rollups: tables of sums by time and key, each fed from the next finer one by a materialized view.

`flows_*` have both views of a flow, by node and workload pair; `edges_*` its canonical view, as client and server, whichever node told it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.records.flow_batch import COUNTERS, HISTOGRAMS
from schemas.records.tables import BlockIdentity
from schemas.topics import FLOWS_TOPIC

_OLD_KEYS = (
    "region",
    "network",
    "node_id",
    "protocol",
    "role",
    "service_port",
    "local_workload",
    "remote_workload",
    "remote_source",
    "remote_reason",
    "canonical",
)
"""Of `flows_*`, as they were before there were lanes. The node among them tells apart what different workers write."""
_NEW_KEYS = ("local_zone", "remote_zone", "remote_region", "remote_service", "remote_domain")

_SERVER = "role = 'server'"
_SWAPPED = {
    **{f"{kind}_sent": f"{kind}_received" for kind in ("bytes", "packets", "payload_bytes")},
    **{f"{kind}_received": f"{kind}_sent" for kind in ("bytes", "packets", "payload_bytes")},
}
"""What the client sent is what the server received."""


def edge_columns(domain: str = "remote_domain") -> dict[str, str]:
    """Columns of `edges_*`, without the time and the lane, as SQL over a canonical row of a table that tells local from remote.

    `domain`: the column with the registrable part of the remote end's name. The local side is the client unless its role is the server's.
    """
    return {
        "network": "network",
        "client": f"if({_SERVER}, remote_workload, local_workload)",
        "server": f"if({_SERVER}, local_workload, remote_workload)",
        "protocol": "protocol",
        "service_port": "service_port",
        "client_zone": f"if({_SERVER}, remote_zone, local_zone)",
        "server_zone": f"if({_SERVER}, local_zone, remote_zone)",
        "client_region": f"if({_SERVER}, remote_region, region)",
        "server_region": f"if({_SERVER}, region, remote_region)",
        "server_service": f"if({_SERVER}, '', remote_service)",
        "server_domain": f"if({_SERVER}, '', {domain})",
        "reason": "remote_reason",
    }


def edge_sums() -> dict[str, str]:
    return {name: f"if({_SERVER}, {_SWAPPED[name]}, {name})" if name in _SWAPPED else name for name in COUNTERS}


def lane_of(block: BlockIdentity) -> int:
    """The lane of the block's rows in rollups: never 0. One worker at a time writes a lane."""
    return 2 * block.partition + (1 if block.topic == FLOWS_TOPIC else 2)


_LANE = f"2 * `partition` + if(topic = '{FLOWS_TOPIC}', 1, 2)"
_SAMPLES = {
    f"{name}_samples": "mapFilter((bucket, samples) -> samples > 0, mapFromArrays(CAST(arrayEnumerate({0}), 'Array(UInt8)'), {0}))".format(
        f"CAST({name}_histogram, 'Array(UInt64)')"
    )
    for name in HISTOGRAMS
}
_OF_ANY = {"flows": "1", "lane": _LANE, **_SAMPLES}


@dataclass(frozen=True)
class Rollup:
    """`start`: SQL function that gives a row's `window_start`. `finer`: the table whose flows this one must have, in rows of `taken`.

    `counted`: SQL that counts the flows in rows of `finer`. `compared`: columns that tell apart what different workers write at the same
    time, as SQL over rows of `finer`. `columns`: all that a row has, as SQL over a row of `flows`. `own`: rows that came with a block since
    there are lanes; all others were carried over from `finer`.
    """

    name: str
    start: str
    finer: str
    counted: str
    compared: Mapping[str, str] = field(default_factory=lambda: {name: name for name in _OLD_KEYS})
    columns: Mapping[str, str] = field(
        default_factory=lambda: {
            **{name: name for name in (*_OLD_KEYS, *_NEW_KEYS, *COUNTERS)},
            "remote_domain": "registrable_domain",
            **_OF_ANY,
        }
    )
    taken: str = "1"
    own: str = "1"

    @property
    def of_edges(self) -> bool:
        return "lane" in self.compared


def _edges(name: str, start: str, finer: str) -> Rollup:
    return Rollup(
        name,
        start,
        finer,
        "sum(flows)",
        {**edge_columns(), "lane": "lane"},
        {**edge_columns("registrable_domain"), **edge_sums(), **_OF_ANY},
        "canonical AND lane > 0",
        "lane > 0",
    )


ROLLUPS = (
    Rollup("flows_1m", "toStartOfMinute", "flows", "count()"),
    Rollup("flows_5m", "toStartOfFiveMinutes", "flows_1m", "sum(flows)"),
    Rollup("flows_1h", "toStartOfHour", "flows_5m", "sum(flows)"),
    _edges("edges_5m", "toStartOfFiveMinutes", "flows_5m"),
    _edges("edges_1h", "toStartOfHour", "flows_1h"),
    _edges("edges_1d", "toStartOfDay", "flows_1h"),
)
"""From fine to coarse. `edges_1h` and `edges_1d` are fed from finer edges; `flows_1h` has what they must have."""


def edges_from(rollup: Rollup, condition: str) -> str:
    """INSERT of canonical rows of the finer table into a table of edges as they are, lanes and times of writing included."""
    columns = {**edge_columns(), **edge_sums(), **{name: name for name in ("lane", "flows", *_SAMPLES, "written_at")}}
    return (
        f"INSERT INTO weir.{rollup.name} (window_start, {', '.join(columns)}) "  # noqa: S608 (every name is weir's own)
        f"SELECT {rollup.start}(window_start), {', '.join(columns.values())} FROM weir.{rollup.finer} WHERE canonical AND ({condition})"
    )
