"""Never a wrong name, at reduced size: simulated fleets whose truth is known. `make bench-attribution` is the same at full size."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import orjson
import pytest

from schemas.recording.read import Refusal, read_recording
from schemas.records.flow_batch import FlowBatch
from schemas.records.tables import BlockIdentity
from streams.blocks.build import build_block
from streams.dedup.state import DedupState
from streams.ownership.locked_map import LockedOwnershipMap
from streams.ownership.map import OwnershipMap
from tests.bench.attribution.runs import Outcome, run
from tests.bench.attribution.weir_way import Rules
from tests.simulator import recording
from tests.simulator.beats import make_beats, make_mail, make_signs
from tests.simulator.fleet import AGENTLESS, address_bytes, make_fleet, names_of
from tests.simulator.scenario import ORIGIN_US, SECOND_US, Scenario
from tests.simulator.traffic import make_views

SMALL = Scenario(horizon_us=1_200 * SECOND_US, addresses=400, agentless=20, nodes=20, conversations=40_000, look_lag_us=30_000)
QUICK = replace(SMALL, life_us=30 * SECOND_US, horizon_us=900 * SECOND_US)


@pytest.mark.parametrize(("life", "most"), [(180, 0.013), (600, 0.01), (3_600, 0.01)])
@pytest.mark.parametrize("seed", [1, 2])
def test_healthy_heartbeats(life: int, most: float, seed: int) -> None:
    outcome = run(replace(SMALL, seed=seed, life_us=life * SECOND_US, backlogs=0.0), others=False)
    assert outcome.weir.wrong == outcome.misplaced == 0
    assert outcome.placed > 0.999 * outcome.placeable
    assert outcome.weir.share_unattributed < most
    assert outcome.canonical_bytes == outcome.true_bytes > 0


@pytest.mark.parametrize("life", [180, 600, 3_600])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_tenth_of_the_heartbeats_lost(life: int, seed: int) -> None:
    outcome = run(replace(SMALL, seed=seed, life_us=life * SECOND_US, lost=0.1, backlogs=0.0), others=False)
    assert outcome.weir.wrong == outcome.misplaced == 0
    assert outcome.weir.share_unattributed < 0.05
    assert outcome.canonical_bytes == outcome.true_bytes > 0


@pytest.mark.parametrize(("lost", "most"), [(0.0, 0.01), (0.1, 0.05)])
def test_lives_of_half_a_minute_of_pods_that_are_set_up_first(lost: float, most: float) -> None:
    outcome = run(replace(QUICK, lost=lost, settle_us=500_000, backlogs=0.0), others=False)
    assert outcome.weir.wrong == 0
    assert outcome.weir.share_unattributed < most


def test_clocks_too_far_apart_take_names_away_where_both_owners_were_heard() -> None:
    """Half of the traffic within 600 ms of the ends of tenures, and no message that comes too late to be heard of."""
    edges = replace(QUICK, edge_share=0.5, late=0.0, backlogs=0.0)
    right, apart = (run(replace(edges, skew_us=skew_us), others=False).weir for skew_us in (250_000, 400_000))
    assert right.wrong == apart.wrong == 0
    assert run(replace(edges, skew_us=1_500_000), others=False).weir.wrong > 0


def test_only_a_node_that_nobody_ever_heard_of_counts_twice() -> None:
    cut_off = run(replace(SMALL, life_us=180 * SECOND_US, away_least_us=0, backlogs=0.5), others=False)
    assert cut_off.adds_up
    assert cut_off.unheard_bytes > 0
    heard = run(replace(SMALL, life_us=180 * SECOND_US, backlogs=0.5, lost=0.1), others=False)
    assert heard.canonical_bytes == heard.true_bytes > 0


@pytest.mark.parametrize("lost", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("lag_us", [0, 30_000, 400_000])
def test_the_worst_of_times(lost: float, lag_us: int) -> None:
    """Lives of seconds, half the traffic at their ends, every third address back with the owner before the last, nodes cut off."""
    worst = replace(SMALL, life_us=8 * SECOND_US, horizon_us=600 * SECOND_US, addresses=100, edge_share=0.5, return_rate=0.3, workloads=20)
    outcome = run(replace(worst, lost=lost, look_lag_us=lag_us, late=0.03, node_deaths=0.2, backlogs=0.2), others=False)
    assert outcome.weir.wrong == outcome.misplaced == 0
    assert outcome.weir.right > outcome.records / 4


def hard(skew_us: int) -> Scenario:
    return replace(SMALL, life_us=8 * SECOND_US, horizon_us=600 * SECOND_US, edge_share=0.8, skew_us=skew_us, lost=0.1)


def test_the_simulation_would_notice() -> None:
    """Stretched ranges, and clocks beyond what is tolerated, give wrong names here; and so do all the others."""
    assert run(hard(250_000), others=False).weir.wrong == 0
    assert run(hard(250_000), Rules(margin_us=-250_000), others=False).weir.wrong > 0
    assert run(hard(1_000_000), others=False).weir.wrong > 0
    outcome = run(replace(SMALL, life_us=60 * SECOND_US, lost=0.1))
    assert [score.wrong > 0 for score in outcome.scores] == [False, True, True, True]


def test_clocks_further_apart_need_a_wider_tolerance() -> None:
    assert run(hard(500_000), Rules(skew_us=500_000), others=False).weir.wrong == 0


def test_the_same_seed_gives_the_same_figures() -> None:
    first, second = (run(replace(SMALL, conversations=5_000, lost=0.1)) for _ in range(2))
    assert _figures(first) == _figures(second)
    assert _figures(first) != _figures(run(replace(SMALL, conversations=5_000, lost=0.1, seed=2)))


def _figures(outcome: Outcome) -> object:
    return outcome.records, outcome.scores, outcome.canonical_bytes


def test_a_recording_and_its_truth(tmp_path: Path) -> None:
    """Through the contract's lines and a worker's own steps: read, learn, build a block; then ask the truth."""
    fleet = make_fleet(replace(SMALL, horizon_us=300 * SECOND_US, life_us=60 * SECOND_US, addresses=100, conversations=4_000, lost=0.1))
    mail = make_mail(fleet)
    beats, views = make_beats(fleet, mail), make_views(fleet, mail)
    signs = make_signs(fleet, np.flatnonzero(fleet.tenures.node == AGENTLESS))
    recording.write(fleet, beats, signs, views, tmp_path / "recording.jsonl", tmp_path / "truth.jsonl")
    refused: list[Refusal] = []
    with (tmp_path / "recording.jsonl").open("rb") as lines:
        read = list(read_recording(lines, refused.append))
    batches = [item for item in read if isinstance(item, FlowBatch)]
    events = [item for item in read if not isinstance(item, FlowBatch)]
    assert not refused
    known = OwnershipMap(gap_us=60 * SECOND_US, skew_us=250_000)
    LockedOwnershipMap(known, "default").learn(batches, [], events)
    dedup = DedupState(horizon_us=3_600 * SECOND_US)
    identity, reading = BlockIdentity("weir.flows", 0, 0, len(batches)), partial(nullcontext, known)
    built = build_block(identity, range(len(batches)), batches, dedup, reading, region="default")
    truth = {tuple(line[:-1]): line[-1] for line in map(orjson.loads, (tmp_path / "truth.jsonl").read_bytes().splitlines())}
    rows = built.block.flows.to_pylist()
    assert len(rows) == len(truth) == len(views)
    said = [(truth[_key(row)], row["remote_workload"]) for row in rows]
    assert not [pair for pair in said if pair[1] not in ("", pair[0])]
    assert sum(name != "" for _, name in said) > 0.85 * len(said)


def _key(row: dict[str, object]) -> tuple[object, ...]:
    start_us = int(row["window_start"].timestamp()) * SECOND_US - ORIGIN_US  # type: ignore[attr-defined]
    role = ("unknown", "client", "server").index(str(row["role"]))
    local, remote = (row[name].hex() for name in ("local_ip", "remote_ip"))  # type: ignore[attr-defined]
    return int(str(row["node_id"])[1:]), local, remote, row["service_port"], role, start_us // (10 * SECOND_US)


def test_addresses_and_names_are_those_of_the_contract() -> None:
    fleet = make_fleet(SMALL)
    assert address_bytes(np.array([0, 255])).tolist()[1][10:] == [255, 255, 10, 0, 1, 0]
    assert names_of(fleet)[-1] == f"node/n{SMALL.nodes - 1}"


@pytest.mark.parametrize("lost", [0.0, 0.1])
def test_addresses_that_move_between_nodes_with_their_owner(lost: float) -> None:
    """Two owners for all addresses: about half of what comes next at an address is the same owner, on another node."""
    moving = replace(SMALL, life_us=20 * SECOND_US, horizon_us=600 * SECOND_US, addresses=100, workloads=2, edge_share=0.3, backlogs=0.0)
    outcome = run(replace(moving, lost=lost), others=False)
    assert outcome.weir.wrong == outcome.misplaced == 0
    assert outcome.placed > 0.9 * outcome.placeable > 0
