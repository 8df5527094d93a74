"""What the bench of knowledge says must follow from what was found: its fleet is as it says, and a map that learns it names no one else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from schemas.records.flow_batch import FlowBatch
from schemas.wire.codec import decode_batch, encode_batch
from streams.ownership.map import empty_map
from streams.ownership.observations import concat, from_flows, from_heartbeats
from tests.bench.knowledge import report
from tests.bench.knowledge.crew import Mark, Used
from tests.bench.knowledge.fleet import BATCH_HEARTBEATS, NOBODY, SECOND_US, WINDOW_US, Fleet, FleetShape, service_name
from tests.bench.knowledge.lookups import Verdict, answers, question, verdict
from tests.bench.knowledge.stage import Told
from tests.bench.knowledge.steady import Phase, Plan, Steady

START_US = 1_767_225_600 * SECOND_US
SHAPE = FleetShape(addresses=2_300, nodes=2, churn=0.1)


def windows(shape: FleetShape, count: int) -> tuple[Fleet, list[list[FlowBatch]]]:
    fleet = Fleet(shape, START_US)
    return fleet, [list(fleet.next_window()) for _ in range(count)]


def test_a_window_claims_every_address_to_its_end_and_no_instant_twice() -> None:
    _, sent = windows(SHAPE, 3)
    for number, batches in enumerate(sent):
        said = concat(from_heartbeats(batches), from_flows(batches))
        end_us = START_US + (number + 1) * WINDOW_US
        held = said.ip[said.end_us == end_us]
        assert len(held) == len(np.unique(held, axis=0)) == SHAPE.addresses
        assert len(said) == SHAPE.addresses + (round(SHAPE.addresses * SHAPE.churn) if number else 0)
        order = np.lexsort((said.start_us, said.ip[:, 15], said.ip[:, 14]))
        same = (said.ip[order][1:] == said.ip[order][:-1]).all(axis=1)
        assert (said.start_us[order][1:] > said.end_us[order][:-1])[same].all()


def test_batches_are_as_agents_send_them() -> None:
    _, (first, second) = windows(replace(SHAPE, flows=5), 2)
    assert [len(batch.heartbeats) for batch in first] == [BATCH_HEARTBEATS, 150, BATCH_HEARTBEATS, 150]
    assert [(batch.batch_index, batch.batch_count) for batch in first] == [(0, 2), (1, 2)] * 2
    assert {len(batch.flows) for batch in (*first, *second)} == {5}
    for batch in (*first, *second):
        assert decode_batch(encode_batch(batch)).workloads == batch.workloads


def test_the_same_seed_makes_the_same_fleet_and_another_another() -> None:
    def bodies(shape: FleetShape) -> list[bytes]:
        return [encode_batch(batch) for batches in windows(shape, 2)[1] for batch in batches]

    assert bodies(SHAPE) == bodies(SHAPE) != bodies(replace(SHAPE, seed=2))


def test_some_of_those_that_change_hands_go_to_another_node() -> None:
    _, (first, second) = windows(replace(SHAPE, nodes=3), 2)
    held = [
        [sum(len(batch.heartbeats) for batch in sent if batch.node_id == f"node-{n}.cluster.internal") for n in range(3)]
        for sent in (first, second)
    ]
    assert held[0] != held[1]


@pytest.mark.parametrize("flows", [0, 20])
def test_a_map_that_learns_the_windows_is_never_wrong_and_knows_what_did_not_change(flows: int) -> None:
    fleet = Fleet(replace(SHAPE, flows=flows), START_US)
    known, found = empty_map(gap_seconds=60, skew_ms=250, window_seconds=10), Verdict()
    for _ in range(4):
        batches = list(fleet.next_window())
        known.learn(concat(from_heartbeats(batches), from_flows(batches)))
        asked = question(fleet, 1_000, seed=1)
        found += verdict(asked, answers(known, asked.address, asked.first_us, asked.last_us))
    assert found.wrong == found.calm_nameless == 0
    assert found.asked == 4_000 and found.calm > 1_000
    assert 0 < found.nameless < found.held // 10


def test_a_map_that_is_a_window_behind_is_found_out() -> None:
    """The verdict must see what leases could do: go on with a holder that has gone."""
    fleet = Fleet(replace(SHAPE, churn=0.5), START_US)
    known = empty_map(gap_seconds=60, skew_ms=250, window_seconds=10)
    first = list(fleet.next_window())
    stretched = [replace(one, heartbeats=replace(one.heartbeats, end_us=one.heartbeats.end_us + WINDOW_US)) for one in first]
    known.learn(from_heartbeats(stretched))
    list(fleet.next_window())
    asked = question(fleet, 1_000, seed=1)
    assert verdict(asked, answers(known, asked.address, asked.first_us, asked.last_us)).wrong > 100


def test_an_address_that_changes_hands_is_nobodys_in_between() -> None:
    fleet, _ = windows(replace(SHAPE, churn=1.0), 2)
    some, window = np.arange(100), np.ones(100, np.int64)
    at = START_US + WINDOW_US + np.array([[1], [3.2], [5]]) * SECOND_US
    before, between, after = (fleet.holders(some, window, np.full(100, one), np.full(100, one)) for one in at.astype(np.int64)[:, 0])
    across = fleet.holders(some, window, np.full(100, START_US + WINDOW_US), np.full(100, START_US + 2 * WINDOW_US - 1))
    assert (before != after).all() and (before != NOBODY).all() and (after != NOBODY).all()
    assert (between == NOBODY).all() and (across == NOBODY).all()


def test_a_verdict_counts_what_was_answered() -> None:
    fleet, _ = windows(replace(SHAPE, churn=0.0), 1)
    asked = question(fleet, 4, seed=1)
    truth = [*asked.names]
    assert verdict(asked, truth) == Verdict(asked=4, held=4, calm=4)
    assert verdict(asked, ["", "else", *truth[2:]]) == Verdict(asked=4, wrong=1, held=4, nameless=1, calm=4, calm_nameless=1)
    assert truth[0].startswith(service_name(0)[:-1])


def mark(learner: float, loop: float = 0.0) -> Mark:
    return Mark(
        {"learner": learner, "librdkafka": learner / 2, "loop": loop, "other": 0.25}, {"learn": learner / 4}, 150_000_000, 160_000_000, 7
    )


def test_what_the_bench_asks_for_itself_does_not_count() -> None:
    assert Used.between(mark(1.0, 5.0), mark(3.0, 50.0)) == Used(learner=2.0, clients=1.0, other=0.0, learn=0.5, asking=45.0)


def test_the_tables_follow_from_the_runs() -> None:
    used = (Used(2.0, 1.0, 0.0, 0.5), Used(4.0, 1.0, 0.0, 0.5))
    phase = Phase(windows=2, heartbeats=1_000_000, used=used, seconds=8.0)
    plan = Plan(FleetShape(500_000, 1_000), workers=2)
    told = Told({"Ownership": 1_000_000, "Watermark": 90}, {"Ownership": 60_000_000, "Watermark": 900})
    run = Steady(plan, 0.5, phase, phase, phase, 0.1, told, 8_000_000, 140_000_000, (mark(1.0), mark(2.0)), Verdict())
    assert run.core_share == pytest.approx((4.0 + 0.1 * 6.0) / 10)
    assert run.by_reference() == pytest.approx(62_500)
    (row,) = report.costs([run])[2:]
    assert row == "| 500,000 | 1,000 | 0 | 2 | 8.00 | 6.00 (1.00), 2.00 | 8.0 | 46.0 | 10.0 |"
    (row,) = report.roles([run])[2:]
    assert row == "| 500,000 | 1,000 | 0 | 2 | 2.00 (0.50), 1.00 | 4.00 (0.50), 1.00 | 8.00 |"
    (row,) = report.topic([run])[2:]
    assert row == "| 500,000 | 1,000 | 0 | 2 | 500,000 (500.0) | 30,000,000 (30,000) | 4,000,000 | 7 | 150 (140) |"
    for table in (report.costs([run]), report.roles([run]), report.topic([run])):
        assert len({line.count("|") for line in table}) == 1
