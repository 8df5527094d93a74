"""An agent is fit while windows are taken in time."""

from __future__ import annotations

from bpf.probe import Lost
from producers.capture.collector import Account
from producers.capture.window import Window
from producers.observe.progress import GRACE_SECONDS, Progress
from producers.spool.segment import Head

ACCOUNT = Account(Window(0, 10), Head(0, 1, 2, 3, 5, 700), entries=4, domains=2, lost=(Lost("map_full", 1, 60),))


def test_sums_go_on_and_what_is_cumulative_already_is_taken_as_it_is() -> None:
    progress = Progress(10)
    for _ in range(3):
        progress.taken(ACCOUNT, 0.02)
    assert (progress.windows, progress.flows, progress.packets, progress.bytes) == (3, 9, 15, 2_100)
    assert (progress.entries, progress.domains, progress.lost) == (4, 2, ACCOUNT.lost)
    assert [sample.value for sample in progress.close_seconds.samples()][:4] == [0, 0, 3, 3]


def test_it_is_fit_until_two_windows_have_gone_by() -> None:
    now = [100.0]
    progress = Progress(10, lambda: now[0])
    now[0] += 20 + GRACE_SECONDS
    assert progress.verdict().fit and "the first window is not over" in progress.verdict().line
    now[0] += 1
    assert not progress.verdict().fit
    progress.taken(ACCOUNT, 0.02)
    assert progress.verdict() == (True, "Windows are taken in time, the last one 0 s ago.")
    now[0] += 26
    assert progress.verdict() == (False, "No window was taken for 26 s, and a window has 10 s: the agent is stuck, or has no CPU.")
