"""A small shop in the tables: who calls whom, the same in each window of ten seconds, told by the client's node or the server's."""

from __future__ import annotations

from dataclasses import dataclass

from sinks.base import Sink
from tests.sinks.engine_of import engine_of

START_S = 1_767_258_000
"""2026-01-01 09:00:00 UTC."""


@dataclass(frozen=True)
class Call:
    """Counts of one window. `server` empty: somebody outside. `told_by`: whose node reports."""

    client: str
    server: str
    port: int
    sent: int
    received: int
    opened: int = 1
    failed: int = 0
    told_by: str = "client"
    domain: str = ""


CALLS = (
    Call("web", "gateway", 8080, 60_000, 180_000, opened=60),
    Call("gateway", "checkout", 8080, 20_000, 60_000, opened=20, told_by="server"),
    Call("checkout", "payments", 8443, 10_000, 30_000, opened=7, failed=3),
    Call("checkout", "postgres", 5432, 30_000, 90_000),
    Call("payments", "", 443, 8_000, 24_000, domain="cards.example"),
    Call("reports", "archive", 9001, 1_000, 3_000, opened=0, failed=2),
)


def fill(sink: Sink, windows: int = 6, start_s: int = START_S) -> None:
    """`windows` windows from `start_s` on, and their batches: both views of the first call, one of the others."""
    both = (*enumerate(CALLS), (0, Call("web", "gateway", 8080, 60_000, 180_000, opened=60, told_by="server")))
    for place, (number, call) in enumerate(both):
        engine_of(sink).execute(_insert(call, number, windows, start_s, place < len(CALLS)))
    engine_of(sink).execute(
        "INSERT INTO weir.batches (node_id, epoch, window_start, window_seconds, batch_index, batch_count) "  # noqa: S608 - numbers
        f"SELECT 'n1', 1, toDateTime({start_s} + 10 * number, 'UTC'), 10, 0, 1 FROM numbers({windows})"
    )


def _insert(call: Call, number: int, windows: int, start_s: int, canonical: bool) -> str:
    local, remote = (call.client, call.server) if call.told_by == "client" else (call.server, call.client)
    sent, received = (call.sent, call.received) if call.told_by == "client" else (call.received, call.sent)
    ends = (f"10.0.0.{number}", f"10.2.0.{number}") if call.told_by == "client" else (f"10.2.0.{number}", f"10.0.0.{number}")
    columns = {
        "window_start": f"toDateTime({start_s} + 10 * number, 'UTC')", "window_seconds": "10", "first_seen": "window_start",
        "last_seen": "window_start + 9", "region": "'eu'", "network": "'default'", "node_id": "'n1'", "epoch": "1", "protocol": "'tcp'",
        "role": f"'{call.told_by}'", "local_ip": f"toIPv6('{ends[0]}')", "remote_ip": f"toIPv6('{ends[1]}')",
        "service_port": str(call.port), "local_workload": f"'{local}'", "remote_workload": f"'{remote}'",
        "remote_source": "'heartbeat'" if remote else "'none'", "remote_reason": "''" if remote else "'external'",
        "canonical": str(int(canonical)), "bytes_sent": str(sent), "bytes_received": str(received), "packets_sent": "10",
        "packets_received": "10", "connections_opened": str(call.opened), "connections_failed": str(call.failed),
        "rtt_us_sum": "5000" if call.opened else "0", "rtt_us_max": "5000" if call.opened else "0", "rtt_count": str(int(call.opened > 0)),
        "remote_domain": f"'api.{call.domain}'" if call.domain else "''", "registrable_domain": f"'{call.domain}'",
        "local_zone": "'eu-1a'", "remote_zone": "'eu-1b'" if remote else "''",
    }  # fmt: skip
    asked = ", ".join(f"{sql} AS {name}" for name, sql in columns.items())
    return f"INSERT INTO weir.flows ({', '.join(columns)}) SELECT {asked} FROM numbers({windows})"  # noqa: S608 - the test's own values
