"""What the demo leaves behind: a closing account, and questions to go on with."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from weir.demo.readings import Totals, Window
from weir.demo.view import size, totals_line

QUERIES = (
    (
        "Who calls whom, and how much (every byte once):",
        "SELECT client, server, protocol, service_port, sum(bytes_sent) AS to_server, sum(bytes_received) AS to_client"
        " FROM weir.edges_5m GROUP BY ALL ORDER BY to_server + to_client DESC LIMIT 20",
    ),
    (
        "Which calls failed, and why: refused by a RST, or never answered:",
        "SELECT client, server, service_port, sum(connections_opened) AS opened, sum(connections_failed) AS failed,"
        " sum(connections_refused) AS refused, sum(connections_timed_out) AS timed_out"
        " FROM weir.edges_5m GROUP BY ALL HAVING failed > 0 ORDER BY failed DESC LIMIT 20",
    ),
    (
        "How slow the slow ones were: round trips and connects at the 95th percentile, in microseconds:",
        "SELECT client, server, service_port, round(weirQuantile(0.95, sumForEach(rtt_histogram))) AS rtt_p95_us,"
        " round(weirQuantile(0.95, sumForEach(connect_histogram))) AS connect_p95_us"
        " FROM weir.edges_5m WHERE protocol = 'tcp' GROUP BY ALL ORDER BY rtt_p95_us DESC LIMIT 20",
    ),
    (
        "What crosses from zone to zone:",
        "SELECT client_zone, server_zone, sum(bytes_sent) AS to_server, sum(bytes_received) AS to_client"
        " FROM weir.edges_5m GROUP BY ALL ORDER BY to_server + to_client DESC",
    ),
    (
        "Which names on the internet a service calls:",
        "SELECT server_domain, sum(connections_opened) AS opened, sum(bytes_sent) AS sent, sum(bytes_received) AS received"
        " FROM weir.edges_5m WHERE client = 'payments' AND server_domain != '' GROUP BY ALL ORDER BY sent + received DESC LIMIT 20",
    ),
    (
        "What one end sent and the other received; the difference was lost on the way:",
        "SELECT if(role = 'client', local_workload, remote_workload) AS client,"
        " if(role = 'client', remote_workload, local_workload) AS server, service_port, sumIf(bytes_sent, role = 'client') AS sent,"
        " sumIf(bytes_received, role = 'server') AS arrived, sum(retransmits) AS resent"
        " FROM weir.flows WHERE remote_workload != '' GROUP BY client, server, service_port ORDER BY resent DESC LIMIT 20",
    ),
)


def closing(overall: Window | None, totals: Totals, seconds: float, data_dir: Path) -> list[str]:
    """The last lines: what was counted, where it is, and questions that it answers."""
    if overall is None:
        counted = f"Nothing was counted in {seconds:.0f} s: no traffic was there to see."
    else:
        counted = (
            f"Counted in {seconds:.0f} s: {size(overall.bytes)} over {overall.edges} edges between services,"
            f" {overall.opened} connections opened, {overall.failed} failed, {overall.retransmits} segments sent again."
        )
    lines = [
        "",
        counted,
        f"In all: {totals_line(totals)}.",
        f"The tables stay in {data_dir}: `{program()} console` shows them again. Worth a try:",
    ]
    for question, sql in QUERIES:
        lines += ["", f"  # {question}", f'  {program()} query "{sql}"']
    return lines


def program() -> str:
    """How the reader can call `weir`: by name where the PATH leads here, else by path."""
    own = Path(sys.executable).with_name("weir")
    found = shutil.which("weir")
    if not own.exists() or (found and Path(found).resolve() == own.resolve()):
        return "weir"
    relative = os.path.relpath(own)
    return relative if not relative.startswith("..") else str(own)
