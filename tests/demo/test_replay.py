"""A recording moved in time stays the same recording."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.recording.read import read_recording
from schemas.records.flow_batch import FlowBatch
from weir.demo.replay import Recording, shipped_lines

LINES = (
    b'{"kind":"heartbeat","node_id":"n1","epoch":1,"window_start":"2026-01-01T00:00:02Z","window_seconds":2,'
    b'"addresses":[{"ip":"10.0.0.1","workload":"web","start":"2026-01-01T00:00:03Z","end":"2026-01-01T00:00:04Z"}]}',
    b'{"kind":"flow","node_id":"n1","epoch":1,"window_start":"2026-01-01T00:00:02Z","window_seconds":2,"local_ip":"10.0.0.1",'
    b'"remote_ip":"10.0.0.2","bytes_sent":7919,"first_seen":"2026-01-01T00:00:02.000017Z"}',
    b'{"kind":"flow","node_id":"n1","epoch":1,"window_start":"2026-01-01T00:00:06Z","window_seconds":2,"local_ip":"10.0.0.1","remote_ip":"10.0.0.2"}',
    b'{"kind":"ip_event","ip":"10.9.0.1","workload":"lb","event":"assigned","at":"2026-01-01T00:00:05+01:00"}',
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def test_all_instants_move_alike() -> None:
    moved = [orjson.loads(line) for line in Recording(LINES).moved(datetime(2030, 5, 5, 12, 0, 1, tzinfo=UTC))]
    assert moved[0]["window_start"] == moved[1]["window_start"] == "2030-05-05T12:00:02.000000Z"
    assert moved[0]["addresses"][0] == {
        "ip": "10.0.0.1", "workload": "web", "start": "2030-05-05T12:00:03.000000Z", "end": "2030-05-05T12:00:04.000000Z"
    }  # fmt: skip
    assert moved[1]["first_seen"] == "2030-05-05T12:00:02.000017Z"
    assert moved[1]["bytes_sent"] == 7_919
    assert moved[2]["window_start"] == "2030-05-05T12:00:06.000000Z"
    assert moved[3]["at"] == "2030-05-05T11:00:05.000000Z"


def test_the_length_reaches_from_the_first_window_to_the_last_ones_end() -> None:
    assert Recording(LINES).length == timedelta(seconds=6)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001 hypothesis wants them bare
def test_windows_stay_aligned_and_begin_in_time(bare: datetime) -> None:
    earliest = bare.replace(tzinfo=UTC)
    first = datetime.fromisoformat(orjson.loads(next(Recording(LINES).moved(earliest)))["window_start"])
    assert timedelta(0) <= first - earliest < timedelta(seconds=2)
    assert (first - EPOCH) % timedelta(seconds=2) == timedelta(0)


def test_the_shipped_recording_can_be_played_whole() -> None:
    refused: list[object] = []
    lines = list(Recording(shipped_lines()).moved(datetime.now(UTC)))
    batches = [item for item in read_recording(lines, refused.append) if isinstance(item, FlowBatch)]
    assert not refused
    assert len({batch.node_id for batch in batches}) >= 3
    assert sum(len(batch.flows) for batch in batches) >= 100
    windows = {batch.window_start_us for batch in batches}
    assert len(windows) >= 5
    assert sum(len(batch.heartbeats) for batch in batches) >= len(windows)


def test_the_shipped_recording_is_small() -> None:
    assert sum(map(len, shipped_lines())) < 1_000_000


@pytest.mark.parametrize("lines", [LINES[:1], LINES[1:3]])
def test_any_part_can_be_moved(lines: tuple[bytes, ...]) -> None:
    assert len(list(Recording(lines).moved(datetime.now(UTC)))) == len(lines)
