"""What a worker can learn after a restart about what has been applied."""

from __future__ import annotations

import pyarrow as pa
import pytest

from schemas.records.tables import BATCHES, LOSSES, BlockIdentity
from schemas.topics import FLOWS_TOPIC
from sinks.base import Sink
from sinks.exactly_once.ledger import FLOW_KEYS
from tests.sinks import blocks as make

DAY_US = 86_400 * make.SECOND


def windows(table: pa.Table) -> list[int]:
    """Distinct windows, in seconds after nine."""
    micros = table.column("window_start").cast(pa.int64()).to_pylist()
    return sorted({(value - make.NINE) // make.SECOND for value in micros})


@pytest.fixture
def written(sink: Sink) -> Sink:
    """Windows 0, 10 and 20 of node n1: 0 is complete, 10 is half there, 20 came of a recording. Offsets 0, 10 and 20."""
    ledgers = {0: [(0, 0, 2), (0, 1, 2)], 10: [(10, 0, 2)], 20: [(20, 0, 0), (20, 0, 0)]}
    for offset, entries in ledgers.items():
        shape = make.Shape(rows=5, windows=1, start_us=make.NINE + offset * make.SECOND)
        rows = make.flows(shape, first_offset=offset)
        sink.write(make.block(make.identity(offset), rows, make.losses(1, offset), None, make.batches(entries, offset)))
    return sink


def test_batches_of_all_windows(written: Sink) -> None:
    found = written.applied_batches(FLOWS_TOPIC, 0, None, DAY_US)
    assert found.schema == BATCHES
    assert windows(found) == [0, 10, 20]
    assert found.num_rows == 5


def test_flows_of_windows_not_known_to_be_complete(written: Sink) -> None:
    found = written.applied_flows(FLOWS_TOPIC, 0, None, DAY_US)
    assert found.schema == FLOW_KEYS
    assert windows(found) == [10, 20]
    assert found.num_rows == 10


def test_keys_come_back_as_they_were_written(written: Sink) -> None:
    found = written.applied_flows(FLOWS_TOPIC, 0, None, DAY_US)
    shape = make.Shape(rows=5, windows=1, start_us=make.NINE + 10 * make.SECOND)
    expected = make.flows(shape, first_offset=10).select(FLOW_KEYS.names)
    first = [row for row in found.to_pylist() if row["window_start"] == expected.column("window_start")[0].as_py()]
    key = repr
    assert sorted(map(key, first)) == sorted(map(key, expected.to_pylist()))


def test_a_pending_block_does_not_meet_itself(written: Sink) -> None:
    assert windows(written.applied_batches(FLOWS_TOPIC, 0, make.identity(10), DAY_US)) == [0, 20]
    assert windows(written.applied_flows(FLOWS_TOPIC, 0, make.identity(10), DAY_US)) == [20]
    assert written.applied_losses(FLOWS_TOPIC, 0, make.identity(10), DAY_US).num_rows == 2
    assert windows(written.applied_flows(FLOWS_TOPIC, 0, make.identity(0), DAY_US)) == [10, 20]


def test_a_pending_block_meets_what_others_brought_of_its_messages(written: Sink) -> None:
    """A rewound group cut them anew: what an earlier block has applied is no news, and its token is not this block's."""
    recut = BlockIdentity(FLOWS_TOPIC, 0, 5, 24)
    assert windows(written.applied_batches(FLOWS_TOPIC, 0, recut, DAY_US)) == [0, 10, 20]
    assert windows(written.applied_flows(FLOWS_TOPIC, 0, recut, DAY_US)) == [10, 20]
    assert written.applied_losses(FLOWS_TOPIC, 0, recut, DAY_US).num_rows == 3


def test_a_window_that_the_pending_block_completes_is_not_complete_yet(sink: Sink) -> None:
    for offset, index in ((0, 0), (10, 1)):
        rows = make.flows(make.Shape(rows=5, windows=1), seed=offset, first_offset=offset)
        sink.write(make.block(make.identity(offset), rows, None, None, make.batches([(0, index, 2)], offset)))
    assert sink.applied_flows(FLOWS_TOPIC, 0, None, DAY_US).num_rows == 0
    assert sink.applied_flows(FLOWS_TOPIC, 0, make.identity(10), DAY_US).num_rows == 5


def test_nothing_older_than_the_horizon_behind_the_nodes_newest(written: Sink) -> None:
    assert windows(written.applied_flows(FLOWS_TOPIC, 0, None, 5 * make.SECOND)) == [20]
    assert windows(written.applied_batches(FLOWS_TOPIC, 0, None, 10 * make.SECOND)) == [10, 20]
    assert written.applied_losses(FLOWS_TOPIC, 0, None, 5 * make.SECOND).num_rows == 0


def test_nodes_have_a_horizon_of_their_own(written: Sink) -> None:
    later = make.Shape(rows=7, windows=1, start_us=make.NINE + 3 * DAY_US)
    written.write(make.block(make.identity(30), make.flows(later, first_offset=30, node="n2")))
    assert windows(written.applied_flows(FLOWS_TOPIC, 0, None, DAY_US)) == [10, 20, 3 * 86_400]


def test_epochs_complete_their_windows_apart(sink: Sink) -> None:
    rows = make.flows(make.Shape(rows=5, windows=1))
    other = rows.set_column(rows.column_names.index("epoch"), "epoch", pa.array([8] * 5, pa.uint64()))
    both = pa.concat_tables([rows, other])
    sink.write(make.block(make.identity(0), both, None, None, make.batches([(0, 0, 1)])))
    found = sink.applied_flows(FLOWS_TOPIC, 0, None, DAY_US)
    assert found.column("epoch").to_pylist() == [8] * 5


def test_other_partitions_are_not_seen(written: Sink) -> None:
    assert written.applied_batches(FLOWS_TOPIC, 1, None, DAY_US).num_rows == 0
    assert written.applied_flows(FLOWS_TOPIC, 1, None, DAY_US).schema == FLOW_KEYS
    assert written.applied_losses(FLOWS_TOPIC, 1, None, DAY_US).schema == LOSSES


def test_other_topics_are_not_seen(written: Sink) -> None:
    """Offsets are counted per topic: the same partition of another one is another place."""
    assert written.applied_batches("weir.forward.eu", 0, None, DAY_US).num_rows == 0
    assert written.applied_flows("weir.forward.eu", 0, None, DAY_US).num_rows == 0
    assert written.applied_losses("o'brien\\", 0, None, DAY_US).num_rows == 0


def test_an_old_recording_has_a_horizon_before_1970(sink: Sink) -> None:
    shape = make.Shape(rows=2, windows=1, start_us=3_600 * make.SECOND)
    sink.write(make.block(make.identity(0), make.flows(shape)))
    assert sink.applied_flows(FLOWS_TOPIC, 0, None, 2 * DAY_US).num_rows == 2
