"""Average linkage as scipy has it."""

from __future__ import annotations

import numpy as np
import pytest

from streams.insights.segments.linkage import tree


@pytest.mark.parametrize("rows", [2, 3, 17, 60])
def test_the_tree_is_that_of_scipy(rows: int) -> None:
    from scipy.cluster.hierarchy import fcluster, linkage

    alike = np.random.default_rng(rows).random((rows, rows))
    alike = (alike + alike.T) / 2
    found, expected = tree(alike.copy()), linkage(1 - alike[np.triu_indices(rows, 1)], "average")
    assert found.heights == pytest.approx(expected[:, 2])
    for count in range(1, rows + 1):
        one, other = found.groups(count), fcluster(expected, count, "maxclust")
        assert {frozenset(np.flatnonzero(one == name).tolist()) for name in one.tolist()} == {
            frozenset(np.flatnonzero(other == name).tolist()) for name in other.tolist()
        }


def test_rows_that_have_nothing_in_common_are_merged_last() -> None:
    alike = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], np.float64)
    assert tree(alike).within(0.5) == 3


def test_one_row_is_a_group() -> None:
    assert tree(np.ones((1, 1))).groups(1).tolist() == [0]
