"""Tables as a day of a large fleet leaves them: 2,000 workloads that make 5,000 edges, in 40 namespaces and two zones.

One day in `flows_1h` (2.88 million rows: 24 nodes report each edge), `edges_5m` and `edges_1h`, thirty in `edges_1d`, all written as they
are; the last five minutes come through `flows` and the rollups of weir. Rows have lane 0, which no rollup takes on.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from sinks.clickhouse import ClickHouseSink
from sinks.engines.base import Engine
from sinks.open import open_engine

WORKLOADS, EDGES, NODES, DAYS = 2_000, 5_000, 500, 30
NODES_OF_AN_EDGE = 24
END_S = 1_767_261_600
"""2026-01-01 10:00:00 UTC: up to here rollups are written as they are, and five minutes of flows begin."""
LAST_S = END_S + 300

_NAME = "concat('ns', toString({0} % 40), '/w', toString({0}))"
_EDGE = f"(number % {EDGES})"
_CLIENT, _SERVER = f"({_EDGE} % {WORKLOADS})", f"(({_EDGE} * 7 + intDiv({_EDGE}, {WORKLOADS}) * 131 + 1) % {WORKLOADS})"
_SUMS = {
    "bytes_sent": f"1000 + {_EDGE} * 11 + number % 97",
    "bytes_received": f"4000 + {_EDGE} * 23 + number % 89",
    "packets_sent": f"10 + {_EDGE} % 50",
    "packets_received": f"12 + {_EDGE} % 50",
    "payload_bytes_sent": f"900 + {_EDGE} * 11",
    "payload_bytes_received": f"3600 + {_EDGE} * 23",
    "connections_opened": f"5 + {_EDGE} % 7",
    "connections_closed": f"5 + {_EDGE} % 7",
    "connections_failed": f"if({_EDGE} % 211 = 0, 3, 0)",
    "connections_refused": f"if({_EDGE} % 211 = 0, 3, 0)",
    "connections_reset": f"if({_EDGE} % 97 = 0, 1, 0)",
    "retransmits": f"{_EDGE} % 5",
    "rtt_us_sum": f"2000 + {_EDGE} % 900",
    "rtt_us_max": f"700 + {_EDGE} % 900",
    "rtt_count": "5",
}
_SAMPLES = {
    "rtt_samples": f"map(toUInt8(14 + {_EDGE} % 6), toUInt64(5))",
    "connect_samples": f"map(toUInt8(15 + {_EDGE} % 4), toUInt64(5))",
}
_ENDS = {
    "client": _NAME.format(_CLIENT),
    "server": _NAME.format(_SERVER),
    "client_zone": f"if({_CLIENT} % 2 = 0, 'eu-1a', 'eu-1b')",
    "server_zone": f"if(intDiv(number, {EDGES}) % 2 = 0, 'eu-1a', 'eu-1b')",
}
_SAME = {"network": "'default'", "protocol": "'tcp'", "service_port": f"if({_EDGE} % 3 = 0, 443, 8080)"}
_PLACE = {
    "region": "'eu'",
    "node_id": f"concat('node-', toString(({_EDGE} + intDiv(number, {EDGES})) % {NODES}))",
    "role": "'client'",
    "local_workload": _ENDS["client"],
    "remote_workload": _ENDS["server"],
    "remote_source": "'heartbeat'",
    "canonical": "1",
    "local_zone": _ENDS["client_zone"],
    "remote_zone": _ENDS["server_zone"],
}


def fill(directory: Path) -> None:
    """Takes half a minute on two cores."""
    engine = open_engine(f"chdb://{directory}")
    try:
        ClickHouseSink(engine).migrate()
        edges = {**_SAME, **_ENDS, **_SUMS, **_SAMPLES, "flows": "30"}
        _insert(engine, "edges_5m", 2 * 288, {"window_start": _start(300, 2), **edges})
        _insert(engine, "edges_1h", 2 * 24, {"window_start": _start(3_600, 2), **edges})
        _insert(engine, "edges_1d", 2 * DAYS, {"window_start": _start(86_400, 2), **edges})
        flows = {**_SAME, **_PLACE, **_SUMS, **_SAMPLES, "flows": "30"}
        _insert(engine, "flows_1h", 24 * NODES_OF_AN_EDGE, {"window_start": _start(3_600, NODES_OF_AN_EDGE), **flows})
        _insert_flows(engine)
        _insert_batches(engine)
    finally:
        engine.close()


def _start(unit_s: int, rows: int) -> str:
    """SQL of a window's start: `rows` rows of each edge have the same, the first ones that of the last window before the end."""
    last = END_S // unit_s * unit_s - (unit_s if unit_s < 86_400 else 0)
    return f"toDateTime({last} - {unit_s} * intDiv(number, {rows * EDGES}), 'UTC')"


def _insert(engine: Engine, table: str, times: int, columns: dict[str, str]) -> None:
    shown = ", ".join(columns.values())
    engine.execute(f"INSERT INTO weir.{table} ({', '.join(columns)}) SELECT {shown} FROM numbers({times * EDGES})")  # noqa: S608
    engine.execute(f"OPTIMIZE TABLE weir.{table} FINAL")


def _insert_flows(engine: Engine) -> None:
    columns = {
        "window_start": f"toDateTime({END_S} + 10 * intDiv(number, {EDGES}), 'UTC')", "window_seconds": "10",
        "first_seen": "window_start", "last_seen": "window_start", "epoch": "1", "local_ip": f"toIPv6(toIPv4({_CLIENT} + 167772160))",
        "remote_ip": f"toIPv6(toIPv4({_SERVER} + 184549376))", **_SAME, **_PLACE, **_SUMS,
    }  # fmt: skip
    shown = ", ".join(f"{sql} AS {name}" for name, sql in columns.items())
    engine.execute(f"INSERT INTO weir.flows ({', '.join(columns)}) SELECT {shown} FROM numbers({30 * EDGES})")  # noqa: S608


def _insert_batches(engine: Engine) -> None:
    """Every node has told of every window of the last hour, and of a few of each earlier one."""
    engine.execute(
        "INSERT INTO weir.batches (node_id, epoch, window_start, window_seconds, batch_index, batch_count) "  # noqa: S608
        f"SELECT concat('node-', toString(number % {NODES})), 1, toDateTime({LAST_S - 10} - 10 * intDiv(number, {NODES}), 'UTC'), 10, 0, 1 "
        f"FROM numbers({NODES * 8_640})"
    )


def main(directory: str) -> None:
    """Holds the tables, and answers about them, until it is told to stop."""
    engine = open_engine(f"chdb://{directory}")
    print("held", flush=True)  # noqa: T201 - to the bench, which waits for it
    signal.sigwait([signal.SIGTERM])
    engine.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
