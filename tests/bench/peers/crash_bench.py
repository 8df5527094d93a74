"""weir beside others under one plan of SIGKILLs and rebalances: `make bench-crashes`.

Prints how many of the flows that were sent are missing from the tables afterwards, and how many rows are there twice.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.bench.machine import machine
from tests.bench.peers import report
from tests.bench.peers.clickhouse_alone import ClickHouseAlone
from tests.bench.peers.contender import Contender
from tests.bench.peers.crashes import LOAD_WINDOWS, OUTAGE_SECONDS, SESSION_SECONDS, Crashed, carry_out, plan
from tests.bench.peers.flows import Fleet
from tests.bench.peers.naive_writers import NaiveWriter
from tests.bench.peers.venv import versions
from tests.bench.peers.weir_itself import WeirItself
from tests.bench.say import say
from tests.integration.made_recording import half_an_hour_ago_us

FLUSH_MS = 500
"""ClickHouse's default of 7.5 s would have it insert once a step; so it inserts about as often as the others."""

CONTENDERS: dict[str, Contender] = {
    "insert-first": NaiveWriter("insert"),
    "commit-first": NaiveWriter("commit"),
    "clickhouse": ClickHouseAlone(flush_ms=FLUSH_MS),
    "weir": WeirItself(more=(("hold_seconds", 1),)),
}


def main() -> None:
    given = _arguments()
    fleet = Fleet(given.seed, half_an_hour_ago_us(), given.nodes, 20, given.flows_each, repeated=0)
    steps = plan(given.seed, given.kills)
    told = [
        machine(),
        versions(),
        f"Seed {given.seed}: {' '.join(step.kind for step in steps)}; {fleet.nodes} nodes, {fleet.flows_each} flows a batch, "
        f"{LOAD_WINDOWS * fleet.nodes} batches under way when something strikes; "
        f"outages of {OUTAGE_SECONDS} s, sessions of {SESSION_SECONDS} s; ClickHouse gathers blocks for {FLUSH_MS} ms.",
    ]
    say("# Crashes", "", *told, "")
    outcomes: list[Crashed] = []
    for name in given.only:
        outcomes.append(carry_out(CONTENDERS[name], steps, fleet))
        say(*list(report.crashes(outcomes))[0 if len(outcomes) == 1 else -1 :])
        report.write(given.output, told, {"outcomes": outcomes}, {})


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-crashes", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--nodes", type=int, default=20, help="each sends one batch a window")
    parser.add_argument("--flows-each", type=int, default=300, help="flows a batch")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--output", type=Path, default=Path(".cache/bench-crashes.json"), help="the figures as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
