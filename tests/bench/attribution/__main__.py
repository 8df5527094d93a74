"""Four attributors on the same simulated traffic: `make bench-attribution`.

First every rate of change, with all heartbeats and with a tenth of them lost, and the fastest once more with workloads that
talk from half a second after they got their address until half a second before they give it back; then nodes of which
nobody had ever heard; then clocks that are further and further apart, on traffic of which half lies at the ends of tenures.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import orjson

from tests.bench.attribution.report import SECOND_US, circumstances, nodes, sums, table
from tests.bench.attribution.runs import Outcome, run
from tests.bench.attribution.weir_way import Rules
from tests.bench.say import say
from tests.simulator.scenario import Scenario

SETTLE_US = 500_000
LIVES = (30, 180, 900, 3_600)
SKEWS_MS = (0, 250, 300, 400, 500, 600, 1_000)
RECORDS_A_CONVERSATION = 1.895
"""Some conversations have one view only: a dead node, an end without an agent, no client found."""


def main() -> None:
    given = _arguments()
    base = Scenario(seed=given.seed, conversations=int(given.records / RECORDS_A_CONVERSATION), look_lag_us=30_000)
    say("# Attribution", "", *circumstances(base, Rules()), "", *table([])[:2])
    outcomes = []
    for outcome in _outcomes(base, given.records):
        outcomes.append(outcome)
        say(*table([outcome])[2:])
    say("", sums(outcomes), nodes(outcomes), f"{sum(outcome.seconds for outcome in outcomes):.0f} s in all.")
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_bytes(orjson.dumps([outcome.plain() for outcome in outcomes], option=orjson.OPT_INDENT_2))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-attribution", description=__doc__)
    parser.add_argument("--records", type=int, default=10_100_000, help="flow records at every rate of change")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path(".cache/bench-attribution.json"), help="the figures as JSON")
    given = parser.parse_args()
    if given.records < 1:
        parser.error(f"--records {given.records} is not positive; name a number of flow records.")
    return given


def _outcomes(base: Scenario, records: int) -> Iterator[Outcome]:
    for life in LIVES:
        for lost in (0.0, 0.1):
            yield run(replace(base, life_us=life * SECOND_US, lost=lost))
    for lost in (0.0, 0.1):
        yield run(replace(base, life_us=LIVES[0] * SECOND_US, lost=lost, settle_us=SETTLE_US))
    some = int(min(records, 1_000_000) / RECORDS_A_CONVERSATION)
    yield run(replace(base, life_us=180 * SECOND_US, away_least_us=0, backlogs=0.3, conversations=some), others=False)
    edges = replace(base, life_us=30 * SECOND_US, edge_share=0.5, conversations=some, horizon_us=900 * SECOND_US)
    for skew_ms in SKEWS_MS:
        for lost in (0.0, 0.1):
            yield run(replace(edges, skew_us=skew_ms * 1_000, lost=lost), others=False)


if __name__ == "__main__":
    main()
