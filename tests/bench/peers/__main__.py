"""weir's worker beside what one would use instead, on the same flows through Apache Kafka: `make bench-peers`.

Every contender reads and stores in one process of its own, whose CPU is what is counted, the ClickHouse engine inside it included.
A rate counts only once every flow has been found in its table.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from tests.bench.last import Last
from tests.bench.machine import machine
from tests.bench.peers import report
from tests.bench.peers.clickhouse_alone import ClickHouseAlone
from tests.bench.peers.contender import PARTITIONS, Contender
from tests.bench.peers.flows import PORTS, WORKLOADS, Fleet
from tests.bench.peers.naive_worker import NaiveWorker
from tests.bench.peers.rates import Measured, interleaved, measure
from tests.bench.peers.venv import versions
from tests.bench.peers.weir_itself import WeirItself
from tests.bench.say import say
from tests.integration.made_recording import half_an_hour_ago_us

NAMES = ("clickhouse", "weir", "clickhouse-rollups", "weir-rollups", "naive")
OPENING_SHARE = 10
"""The window before those that count has so many times fewer flows, and all addresses."""
NAIVE_SHARE = 40
"""The naive worker is given so many times fewer flows: its rate does not depend on how many, and its time would."""


def main() -> None:
    given = _arguments()
    contenders = _contenders(given)
    opening = given.flows_each // OPENING_SHARE
    fleet = Fleet(given.seed, half_an_hour_ago_us(), given.nodes, given.addresses // given.nodes, given.flows_each, opening=opening)
    small = replace(fleet, nodes=max(1, given.nodes // NAIVE_SHARE))
    told = [machine(), versions(), _data(fleet, small, given.windows)]
    if given.weir:
        told.append(f"weir's settings beyond the usual ones: {', '.join(given.weir)}.")
    say("# Peers", "", *told, "")
    runs: list[Measured] = []
    last = Last.read(given.output)
    for run, contender in interleaved(list(contenders.values()), given.runs):
        measured = measure(contender, small if isinstance(contender, NaiveWorker) else fleet, given.windows)
        runs.append(measured)
        took = f"{measured.cpu_seconds:.1f} CPU s, {measured.wall_seconds:.1f} s"
        say(f"run {run + 1}: {contender.title}: {measured.rate:,.0f} flows a CPU second, {took}, {measured.rows:,} rows")
        report.write(given.output, told, {"runs": runs}, report.by_reference(runs))
    say("", *report.rates(list(contenders.values()), runs), "", *report.agents(), "", last.beside(report.by_reference(runs)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-peers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=500, help="each sends one batch a window")
    parser.add_argument("--addresses", type=int, default=200_000)
    parser.add_argument("--flows-each", type=int, default=2_000, help="flows a batch")
    parser.add_argument("--windows", type=int, default=1, help="that count, after one that warms up")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--weir", nargs="+", metavar="SETTING=VALUE", default=[], help="settings of weir's, such as block_flows=200000")
    parser.add_argument("--output", type=Path, default=Path(".cache/bench-peers.json"), help="the figures as JSON")
    return parser.parse_args()


def _contenders(given: argparse.Namespace) -> dict[str, Contender]:
    more = tuple((name, value) for name, _, value in (text.partition("=") for text in given.weir))
    every = (
        ClickHouseAlone(),
        WeirItself(rollups=False, more=more),
        ClickHouseAlone(rollups=True),
        WeirItself(more=more),
        NaiveWorker(),
    )
    return {name: contender for name, contender in zip(NAMES, every, strict=True) if name in given.only}


def _data(fleet: Fleet, small: Fleet, windows: int) -> str:
    flows = fleet.nodes * fleet.flows_each * windows
    return (
        f"{flows:,} flows in batches of {fleet.flows_each:,}, {fleet.repeated:.0%} of the batches delivered twice; {fleet.nodes} nodes, "
        f"{fleet.addresses:,} addresses, {WORKLOADS:,} workloads, {len(PORTS)} ports; {PARTITIONS} partitions, zstd. "
        f"The naive worker is given {small.nodes * small.flows_each * windows:,}. "
        "A window with all addresses and a tenth of the flows goes before, uncounted."
    )


if __name__ == "__main__":
    main()
