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
        "Who talks to whom, and how much (every byte once):",
        "SELECT local_workload, role, remote_workload, protocol, service_port, sum(bytes_sent) AS sent, sum(bytes_received) AS received"
        " FROM weir.flows WHERE canonical GROUP BY ALL ORDER BY sent + received DESC LIMIT 20",
    ),
    (
        "Which calls failed, minute by minute, and how long a round trip took:",
        "SELECT window_start, local_workload, remote_workload, service_port, sum(connections_opened) AS opened,"
        " sum(connections_failed) AS failed, round(sum(rtt_us_sum) / sum(rtt_count)) AS rtt_us FROM weir.flows_1m"
        " WHERE canonical AND protocol = 'tcp' GROUP BY ALL ORDER BY failed DESC, window_start LIMIT 20",
    ),
    (
        "What one end sent and the other received; the difference was lost on the way:",
        "SELECT if(role = 'client', local_workload, remote_workload) AS client,"
        " if(role = 'client', remote_workload, local_workload) AS server, service_port, sumIf(bytes_sent, role = 'client') AS sent,"
        " sumIf(bytes_received, role = 'server') AS arrived, sum(retransmits) AS resent"
        " FROM weir.flows GROUP BY client, server, service_port ORDER BY resent DESC LIMIT 20",
    ),
)


def closing(overall: Window | None, totals: Totals, seconds: float, data_dir: Path) -> list[str]:
    """The last lines: what was counted, where it is, and three questions that it answers."""
    if overall is None:
        counted = f"Nothing was counted in {seconds:.0f} s: no traffic was there to see."
    else:
        counted = (
            f"Counted in {seconds:.0f} s: {size(overall.bytes)} over {overall.edges} edges between services,"
            f" {overall.opened} connections opened, {overall.failed} failed, {overall.retransmits} segments sent again."
        )
    lines = ["", counted, f"In all: {totals_line(totals)}.", f"The tables stay in {data_dir}. Worth a try:"]
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
