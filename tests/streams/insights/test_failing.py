"""Pairs that fail."""

from __future__ import annotations

import pyarrow as pa
import pytest

from streams.insights.failing import fails


@pytest.mark.parametrize(
    ("opened", "failed", "wanted"),
    [
        (0, 0, 0),
        (1_000, 0, 0),
        (2, 1, 0),  # one of three says nothing yet
        (0, 1, 1),  # nothing has ever come about
        (2, 3, 1),
        (297, 3, 1),  # 1 %
        (298, 3, 0),
        (1_000_000, 9_000, 0),
    ],
)
def test_a_pair_fails_by_share_and_number(opened: int, failed: int, wanted: int) -> None:
    pairs = pa.table({"connections_opened": pa.array([opened], pa.uint64()), "connections_failed": pa.array([failed], pa.uint64())})
    assert fails(pairs).to_pylist() == [wanted]
