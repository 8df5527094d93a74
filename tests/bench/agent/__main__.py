"""What the agent costs, and what it costs the node: `make bench-agent`.

The whole agent on a node made of namespaces: idle, short connections, 50,000 edges, IPv6, bulk streams; then an application's
speed with and without it. Kafka is librdkafka's built-in broker in the bench's own process, over TCP.
"""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from tests.bench.agent import meters, phases, report
from tests.bench.agent.report import Start
from tests.bench.agent.softflowd import installed
from tests.bench.agent.stage import ANSWER_PORT, BULK_OFF_PORT, BULK_ON_PORT, ECHO_PORT, PORTS, Stage
from tests.bench.last import Last
from tests.bench.machine import machine
from tests.bench.say import say


def main() -> None:
    given = _arguments()
    program = installed()
    say("# Agent", "", machine(), report.busy(), "" if program else "softflowd is not to be had here (apt-get install softflowd).", "")
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder), 10) as stage:
        figures = _play(stage, program, given.full)
    by_reference = report.by_reference(figures["phases"], figures["packets"])
    say("", Last.read(given.output).beside(by_reference))
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_bytes(orjson.dumps({"machine": machine(), "by_reference": by_reference, **figures}, option=orjson.OPT_INDENT_2))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-agent", description=__doc__)
    parser.add_argument("--full", action="store_true", help="more windows, starts and rounds: a quarter of an hour")
    parser.add_argument("--output", type=Path, default=Path(".cache/bench-agent.json"), help="the figures as JSON")
    return parser.parse_args()


def _play(stage: Stage, program: str | None, full: bool) -> dict[str, Any]:
    more = 6 if full else 1
    starts = [_start(stage, f"start-{number}") for number in range(5 if full else 1)]
    say(*report.start_lines(starts), "")
    stage.start_agent()
    server, loads = stage.server, []
    for name, rate, host, clients, windows in (
        ("idle", 0, server.ipv4, 0, 2 * more),
        ("1,000 connections/s", 1_000, server.ipv4, 1, 2 * more),
        ("5,000 connections/s", 5_000, server.ipv4, 3, more),
        ("1,000 connections/s, IPv6", 1_000, server.ipv6, 1, more),
    ):
        load = partial(phases.connections, stage, rate, host=host, clients=clients)
        loads.append(phases.measure(stage, name, windows, load, program))
    loads.append(phases.edges(stage, 2 * more))
    samples = 24 if full else 6
    packets = [
        phases.packet_cost(stage, "short connections, 1,000 a second", ("connect", server.ipv4, ANSWER_PORT, PORTS, 1_000), samples),
        phases.packet_cost(stage, "requests on open connections", ("ask", server.ipv4, ECHO_PORT), samples),
    ]
    bulks = [phases.bulk(stage, on, port, 3.0 * (3 if full else 1)) for on, port in ((True, BULK_ON_PORT), (False, BULK_OFF_PORT))]
    stage.stop_agent()
    batches = stage.batches()
    say(*report.phase_table(loads, batches), "", *report.packet_lines(packets), *report.bulk_lines(bulks, batches, stage.client.ipv4))
    lost = sum(loss.packets for batch in batches for loss in batch.losses)
    say(f"Packets lost: {lost}.")
    for pod in (stage.client, stage.server):
        pod.set_offloads(True)
    rounds = phases.application(stage, 12 if full else 4, 3.0)
    say(*report.application_lines(rounds))
    return {"starts": starts, "phases": loads, "packets": packets, "bulk": bulks, "application": rounds, "lost_packets": lost}


def _start(stage: Stage, name: str) -> Start:
    attached, said = stage.start_agent(name)
    cpu = meters.cpu_with_children(stage.pid)
    stage.leave_agent()
    _, again = stage.start_agent(name)
    stage.stop_agent()
    return Start(attached, said, again, cpu)


if __name__ == "__main__":
    main()
