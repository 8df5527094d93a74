"""Steps of a series, where nobody says how long they are."""

from __future__ import annotations

import pyarrow as pa
import pytest

from sinks.queries.series import auto_step
from sinks.queries.spans import Span


@pytest.mark.parametrize(
    ("seconds", "longest", "wanted"),
    [
        (900, 10, 10),
        (900, 1, 10),
        (200, 1, 1),
        (900, 60, 60),
        (900, 45, 60),
        (14_400, 10, 60),
        (14_400, 300, 300),
        (900, 0, 10),
        (900, 3_600, 3_600),
    ],
)
def test_a_step_is_no_shorter_than_a_window_of_the_span(seconds: int, longest: int, wanted: int) -> None:
    assert auto_step(lambda sql: pa.table({"seconds": [longest]}), Span(0, seconds)) == wanted


def test_windows_are_not_looked_at_where_steps_are_longer_than_any() -> None:
    def ask(sql: str) -> pa.Table:
        raise AssertionError(sql)

    assert auto_step(ask, Span(0, 30 * 86_400)) == 21_600
