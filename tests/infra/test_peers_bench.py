"""What the bench of peers says must follow from what was found: its ledger, its data, its plan and its tables."""

from __future__ import annotations

from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import fastavro
import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.wire.codec import decode_batch
from schemas.wire.framing import unframe
from tests.bench.last import Last
from tests.bench.machine import machine
from tests.bench.peers import report
from tests.bench.peers.crashes import KILLS, Crashed, plan
from tests.bench.peers.flows import NUMBER, Fleet
from tests.bench.peers.forms import batched_avro, records, weirs
from tests.bench.peers.ledger import Balance, balance
from tests.bench.peers.naive_writers import NaiveWriter
from tests.bench.peers.rates import Measured, check
from tests.bench.peers.weir_itself import WeirItself

FLEET = Fleet(seed=3, start_us=1_700_000_000_000_000, nodes=10, addresses_each=7, flows_each=30, repeated=0.2)


@given(st.lists(st.integers(0, 30)))
def test_the_balance_counts_what_a_ledger_would(stored: list[int]) -> None:
    sent = set(range(5, 20))
    known = [number for number in stored if number in sent]
    found = balance(np.array(sorted(sent), np.uint64), np.array(stored, np.uint64))
    distinct = len(set(known))
    assert found == Balance(len(sent), len(stored), len(sent) - distinct, len(known) - distinct, len(stored) - len(known))


@pytest.mark.parametrize("opening", [None, 4])
def test_every_flow_has_a_number_and_a_key_of_its_own(opening: int | None) -> None:
    fleet = replace(FLEET, opening=opening)
    batches = [fleet.batch(node, window) for window in range(3) for node in range(fleet.nodes)]
    numbers = np.concatenate([batch.flows.payload_bytes_sent for batch in batches])
    assert np.array_equal(np.sort(numbers), fleet.numbers(range(3)))
    for batch in batches:
        keys = zip(batch.flows.local_ip.tolist(), batch.flows.service_port.tolist(), strict=True)
        assert len({(*address, port) for address, port in keys}) == len(batch.flows)
    assert {len(batch.flows) for batch in batches if batch.seq} == {fleet.flows_each}


def test_deliveries_repeat_as_many_batches_as_said_and_are_the_same_again() -> None:
    once, again = ([(batch.node_id, batch.seq) for batch in FLEET.deliveries(range(1, 3))] for _ in range(2))
    assert once == again
    assert len(once) == 24
    assert len(set(once)) == 20


def test_all_forms_of_a_batch_carry_the_same_flows() -> None:
    batch = FLEET.batch(2, 1)
    ((_, message),) = weirs(batch)
    assert np.array_equal(decode_batch(unframe(message).body).flows.payload_bytes_sent, batch.flows.payload_bytes_sent)
    ((_, file),) = batched_avro(batch)
    (record,) = fastavro.reader(BytesIO(file))
    assert isinstance(record, dict)
    assert record[NUMBER] == batch.flows.payload_bytes_sent.tolist()
    rows = [orjson.loads(value) for _, value in records(batch)]
    assert [row[NUMBER] for row in rows] == record[NUMBER]
    assert [row["local_workload"] for row in rows] == [record["workloads"][place] for place in record["local_workload_number"]]


def test_a_rate_counts_only_with_every_row_there() -> None:
    sent, twice = FLEET.numbers(range(1)), np.concatenate([FLEET.numbers(range(1))] * 2)
    check(WeirItself(), sent, sent, 2 * len(sent))
    check(NaiveWriter("insert"), twice, sent, len(twice))
    for stored in (sent[1:], np.append(sent[1:], sent[1]), twice):
        with pytest.raises(AssertionError, match="rows|every flow"):
            check(WeirItself(), stored, sent, len(twice))


def test_a_plan_follows_from_its_seed_and_has_every_kind() -> None:
    assert plan(1, 10) == plan(1, 10) != plan(2, 10)
    kinds = [step.kind for step in plan(1, 10)]
    assert {kind: kinds.count(kind) for kind in (*KILLS, "rebalance")} == dict(zip((*KILLS, "rebalance"), (4, 3, 3, 2), strict=True))


def test_the_tables_show_medians_and_counts() -> None:
    runs = [Measured("weir, no rollups", 1_000, 150_000, seconds, 1.0, 950, 10_000_000, 2.0) for seconds in (0.5, 0.25, 0.1)]
    *_, row = report.rates([WeirItself(rollups=False)], runs)
    assert row == "| weir, no rollups | 4,000 | 2,000 to 10,000 | 250.00 | 1,000 | 150 | 10 | rollups |"
    assert report.by_reference(runs) == {"weir, no rollups": 8_000}
    *_, row = report.crashes([Crashed("weir", 20, 4, Balance(2_000, 1_990, 15, 5, 0), 61.4)])
    assert row == "| weir | 20 | 4 | 2,000 | 1,990 | 15 | 5 | 0 | 61 |"


def test_agents_have_their_rows_where_their_bench_was_run(tmp_path: Path) -> None:
    file = tmp_path / "agent.json"
    assert "no figures" in next(report.agents(file))
    file.write_bytes(orjson.dumps({"rows": [{"agent": "softflowd", "user CPU %": 1.2}, {"agent": "weir"}]}))
    assert list(report.agents(file)) == ["| agent | user CPU % |", "|---|---|", "| softflowd | 1.2 |", "| weir | - |"]


def test_figures_are_written_as_they_are(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Figure:
        lost: int

    file = tmp_path / "deep" / "figures.json"
    report.write(file, ["so it was"], {"runs": [Figure(3)]}, {"weir": 2.0})
    written = orjson.loads(file.read_bytes())
    assert written == {"machine": machine(), "circumstances": ["so it was"], "by_reference": {"weir": 2.0}, "runs": [{"lost": 3}]}
    assert "weir 1.50." in Last.read(file).beside({"weir": 3.0, "another": 1.0})


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (None, "No figures of an earlier run"),
        (b'{"machine": ', "cannot be read"),
        (b'{"machine": "another"}', "another machine"),
        (b'["rows"]', "cannot be read"),
    ],
)
def test_last_figures_that_are_no_use_are_told_and_not_compared(found: bytes | None, said: str, tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    if found is not None:
        file.write_bytes(found)
    assert said in Last.read(file).beside({"weir": 1.0})


def test_last_figures_without_anything_in_common(tmp_path: Path) -> None:
    report.write(tmp_path / "figures.json", [], {}, {"naive": 1.0})
    assert "nothing in common" in Last.read(tmp_path / "figures.json").beside({"weir": 1.0})
