"""What a node says again is read as if it had been said for the first time, whatever has changed in it, and is the same object."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import Unreadable
from schemas.records.flow_batch import FlowBatch, HeartbeatColumns
from schemas.records.validation import INSTANT_LIMIT_US
from schemas.wire import codec
from schemas.wire.repeats import Repeats
from tests.schemas.samples import WINDOW_US, assert_same_batch, sample_batch
from tests.schemas.wire.alike import assert_read_alike


def a_window(number: int, rows: int, *, start_us: int | None = None, names: int = 3) -> FlowBatch:
    begin_us = WINDOW_US + 10_000_000 * number if start_us is None else start_us
    beats = HeartbeatColumns(
        ip=np.arange(16 * rows, dtype=np.uint8).reshape(rows, 16),
        workload=(np.arange(rows) % names).astype("<u4"),
        port=np.arange(rows, dtype="<u2"),
        protocol=(np.arange(rows) % 2).astype(np.uint8),
        start_us=np.full(rows, begin_us, "<i8"),
        end_us=np.full(rows, begin_us + 10_000_000, "<i8"),
    )
    return replace(sample_batch(0), seq=number, workloads=tuple(f"service-{n}" for n in range(names)), heartbeats=beats, losses=())


@pytest.mark.parametrize("rows", [1, 2, 15, 16, 63, 64, 127, 128, 1_000, 8_192])
def test_a_window_like_the_last_one_has_the_same_names_and_columns(rows: int) -> None:
    repeats = Repeats()
    first, *others = [codec.decode_batch(codec.encode_batch(a_window(number, rows)), None, repeats) for number in range(4)]
    for number, batch in enumerate((first, *others)):
        assert_same_batch(batch, a_window(number, rows))
    for batch in others[1:]:
        assert batch.workloads is others[0].workloads
        for name in ("ip", "workload", "port", "protocol"):
            assert getattr(batch.heartbeats, name) is getattr(others[0].heartbeats, name)
    for column in vars(others[0].heartbeats).values():
        assert not column.flags.writeable


@given(st.data(), st.sampled_from([1, 3, 70]))
@settings(max_examples=300, deadline=None)
def test_changed_bytes_are_read_or_refused_as_by_themselves(data: st.DataObject, rows: int) -> None:
    repeats = Repeats()
    codec.decode_batch(codec.encode_batch(a_window(0, rows)), None, repeats)
    for number in range(1, data.draw(st.integers(2, 4))):
        body = bytearray(codec.encode_batch(a_window(number, rows)))
        for _ in range(data.draw(st.integers(0, 2))):
            at = data.draw(st.one_of(st.integers(0, len(body) - 1), st.integers(len(body) - 16 * rows - 8, len(body) - 1)))
            body[at] = data.draw(st.one_of(st.integers(0, 255), st.sampled_from([0, 1, 0x7F, 0x80, 0xFF])))
        end = data.draw(st.one_of(st.just(len(body)), st.just(len(body)), st.integers(0, len(body))))
        assert_read_alike(bytes(body[:end]) + data.draw(st.binary(max_size=2)), repeats)


@pytest.mark.parametrize("start_us", [-1, -(2**63), INSTANT_LIMIT_US, INSTANT_LIMIT_US - 10_000_000, INSTANT_LIMIT_US - 10_000_001, 0])
def test_times_that_are_alike_are_believed_by_the_same_rule(start_us: int) -> None:
    repeats = Repeats()
    codec.decode_batch(codec.encode_batch(a_window(0, 5)), None, repeats)
    sound = codec.encode_batch(a_window(1, 5))
    begin_us = WINDOW_US + 10_000_000
    planes = [np.repeat(np.array([at_us], "<i8").view(np.uint8), 5).tobytes() for at_us in (begin_us, begin_us + 10_000_000)]
    others = [np.repeat(np.array([at_us], "<i8").view(np.uint8), 5).tobytes() for at_us in (start_us, start_us + 10_000_000)]
    for plane in planes:
        assert sound.count(plane) == 1
    both = sound.replace(planes[0], others[0]).replace(planes[1], others[1])
    for body in (both, sound.replace(planes[0], others[0]), sound.replace(planes[1], others[1])):
        assert_read_alike(body, repeats)


def test_a_batch_that_is_refused_is_not_repeated() -> None:
    """Otherwise one that repeats it would pass."""
    repeats = Repeats()
    body = codec.encode_batch(a_window(0, 5)).replace(b"service-2", b"servi\x07e-2")
    for _ in range(3):
        with pytest.raises(Unreadable, match="control character"):
            codec.decode_batch(body, None, repeats)


def test_memory_has_a_limit_and_what_came_longest_ago_makes_room() -> None:
    repeats = Repeats(limit_bytes=20_000)
    for number in range(40):
        batch = replace(a_window(number, 64), node_id=f"node-{number}")
        codec.decode_batch(codec.encode_batch(batch), None, repeats)
        codec.decode_batch(codec.encode_batch(replace(batch, node_id="node-0")), None, repeats)
        assert repeats.fill[0] <= repeats.fill[1] == 20_000
    kept = [number for number in range(40) if repeats.find(f"node-{number}", 0) is not None]
    assert kept[0] == 0 and kept[1:] == list(range(kept[1], 40)) and 2 < len(kept) < 20
