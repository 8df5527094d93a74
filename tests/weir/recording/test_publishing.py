"""The last words of a recording's nodes."""

from __future__ import annotations

from dataclasses import replace

from schemas.records.flow_batch import FlowBatch, empty_flows, empty_heartbeats
from schemas.wire.codec import decode_batch, encode_batch
from weir.recording.publishing import LastWords

BATCH = FlowBatch("n1", 7, 3, "eu", "default", 20_000_000, 10, 0, 0, ("web",), empty_flows(), empty_heartbeats())


def test_every_node_closes_its_newest_window_with_an_empty_one() -> None:
    words = LastWords()
    for batch in (BATCH, replace(BATCH, window_start_us=10_000_000), replace(BATCH, node_id="n2", window_start_us=40_000_000)):
        words.note(batch)
    said = {batch.node_id: batch for batch in words.batches()}
    assert {node: batch.window_start_us for node, batch in said.items()} == {"n1": 30_000_000, "n2": 50_000_000}
    for batch in said.values():
        assert (len(batch.flows), len(batch.heartbeats), batch.losses, batch.batch_count) == (0, 0, (), 0)
        assert decode_batch(encode_batch(batch)).window_end_us == batch.window_end_us


def test_a_recording_without_batches_has_no_last_words() -> None:
    assert list(LastWords().batches()) == []
