"""Hours that are not known."""

from __future__ import annotations

import numpy as np

from sinks.queries.reported_hours import ReportedHours
from streams.insights.forecast.gaps import gaps


def test_hours_are_unknown_where_agents_were_silent_or_much_was_lost() -> None:
    told = [0, 0, 7_200, 7_100, 3_600, 0, 7_200, 7_200, 0]
    expected = [0, 0, 7_200, 7_200, 7_200, 7_200, 7_200, 7_200, 0]
    lost = [0, 0, 0, 0, 0, 0, 0.011, 0.009, 0]
    counted = [True, False, True, True, True, True, True, False, True]
    hours = ReportedHours(*(np.array(one, np.float64) for one in (told, expected, lost)), np.array(counted))
    assert gaps(hours).tolist() == [False, True, False, False, True, True, True, False, True]
