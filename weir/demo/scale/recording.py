"""Writes the recorded day, and goes on with it window by window."""

from __future__ import annotations

from sinks.engines.base import Engine
from weir.demo.scale.beside import write_beside, write_windows
from weir.demo.scale.calls import all_calls
from weir.demo.scale.flows import flows_statement
from weir.demo.scale.story import GRID_S, HOUR_S, Story
from weir.demo.scale.views import write_views

WINDOW_S = 10
MINUTES_S = 4 * HOUR_S + 600
"""So long before its end the recording begins to have windows of a minute: the time bar of an hour shows four, in steps of one."""
TENS_S = 15 * 60
"""And so long, windows of ten seconds."""
BOTH_VIEWS_S = HOUR_S
"""Before the last hour each flow has its canonical view alone: twice the rows would take twice the time."""


class Recording:
    """A day that ends at `story.end_s`, in the tables of an engine where there is nothing yet."""

    def __init__(self, engine: Engine, story: Story) -> None:
        self._engine, self._story = engine, story
        self._until_s = story.end_s

    def write(self) -> None:
        calls = all_calls(self._story)
        write_views(self._engine, calls, self._story)
        write_beside(self._engine, self._story, calls)
        for start_s, end_s, window_s, both in steps(self._story):
            self._write(start_s, end_s, window_s, both)

    def go_on(self, now_s: int) -> None:
        """Adds the windows that have ended since the last one that is there."""
        end_s = now_s // WINDOW_S * WINDOW_S
        if end_s > self._until_s:
            self._write(self._until_s, end_s, WINDOW_S, True)
            self._until_s = end_s

    def _write(self, start_s: int, end_s: int, window_s: int, both: bool) -> None:
        self._engine.execute(flows_statement(start_s, end_s, window_s, both))
        write_windows(self._engine, self._story, start_s, end_s, window_s)


def steps(story: Story) -> tuple[tuple[int, int, int, bool], ...]:
    """Start, end, length of the windows, both views or one: from the day's first second to its last, without a gap."""

    def before(seconds: int) -> int:
        return (story.end_s - seconds) // GRID_S * GRID_S

    minutes_s, both_s, tens_s = before(MINUTES_S), before(BOTH_VIEWS_S), before(TENS_S)
    return (
        (story.start_s, minutes_s, 300, False),
        (minutes_s, both_s, 60, False),
        (both_s, tens_s, 60, True),
        (tens_s, story.end_s, WINDOW_S, True),
    )
