"""When a worker is fit, behind or stuck."""

from __future__ import annotations

import pytest

from streams.observe.liveness import STUCK_FACTOR, Liveness, Place

PATIENCE = 100.0
STUCK = STUCK_FACTOR * PATIENCE


class Worker:
    """A worker at work on a clock that is set by hand. `ends`: what there is of partitions 0 and 1."""

    def __init__(self) -> None:
        self.now, self.ends, self.loop_runs = 1_000.0, [0, 0], True
        self.progress = Liveness(PATIENCE, lambda: self.now)
        self.progress.starting("")
        for partition in (0, 1):
            self.moved(partition, 0)

    def moved(self, partition: int, position: int) -> None:
        self.progress.moved("weir.flows", partition, position)

    def held(self, partition: int) -> None:
        self.progress.held("weir.flows", partition)

    def pass_time(self, seconds: float) -> tuple[bool, bool]:
        """(fit, stuck), having been asked every second."""
        for _ in range(int(seconds)):
            self.now += 1
            if self.loop_runs:
                self.progress.saw_ends({Place("weir.flows", partition): end for partition, end in enumerate(self.ends)})
            verdict = self.progress.verdict()
        return verdict.fit, verdict.stuck


@pytest.fixture
def worker() -> Worker:
    return Worker()


def test_nothing_to_do_is_fit_for_ever(worker: Worker) -> None:
    assert worker.pass_time(10 * STUCK) == (True, False)
    assert worker.progress.verdict().line == "2 partitions, 0 messages to go"


def test_lag_is_fit_as_long_as_every_partition_moves(worker: Worker) -> None:
    worker.ends = [1_000_000, 1_000_000]
    for step in range(1, 20):
        assert worker.pass_time(PATIENCE / 2) == (True, False)
        worker.moved(step % 2, step)


def test_lag_without_a_commit_is_behind_and_then_stuck(worker: Worker) -> None:
    worker.pass_time(10 * STUCK)
    worker.ends = [23, 0]
    assert worker.pass_time(PATIENCE) == (True, False)
    assert worker.pass_time(2) == (False, False)
    said = worker.progress.verdict().line
    assert said == "weir.flows:0 is 23 messages behind, and nothing of it was committed for 102 s (no server is being waited for)"
    assert worker.pass_time(STUCK - PATIENCE) == (False, True)


def test_one_partition_that_does_not_move_is_enough(worker: Worker) -> None:
    worker.ends = [23, 10_000]
    for position in range(1, int(STUCK) + 2):
        worker.moved(1, position)
        worker.pass_time(1)
    assert worker.pass_time(1) == (False, True)
    worker.moved(0, 23)
    assert worker.pass_time(1) == (True, False)


def test_who_waits_for_a_server_is_behind_and_never_stuck(worker: Worker) -> None:
    worker.ends = [23, 23]
    for _ in range(100):
        worker.progress.waits_for("ClickHouse", "it does not answer")
        verdict = worker.pass_time(10)
    assert verdict == (False, False)
    assert worker.progress.verdict().line.endswith("(waiting for ClickHouse: it does not answer)")
    worker.moved(0, 23)
    worker.moved(1, 23)
    assert worker.pass_time(1) == (True, False)


def test_a_hold_that_lasts_is_behind_and_never_stuck(worker: Worker) -> None:
    worker.ends = [23, 0]
    for _ in range(100):
        worker.held(0)
        verdict = worker.pass_time(10)
    assert verdict == (False, False)


def test_a_hold_excuses_no_other_partition(worker: Worker) -> None:
    worker.ends = [23, 23]
    for _ in range(100):
        worker.held(0)
        verdict = worker.pass_time(10)
    assert verdict == (False, True)


def test_partitions_that_went_to_others_are_their_matter(worker: Worker) -> None:
    worker.ends = [23, 0]
    worker.pass_time(STUCK + 1)
    worker.progress.forget()
    worker.held(0)
    assert worker.pass_time(1) == (True, False)


def test_who_starts_is_not_fit_and_says_at_what_he_is(worker: Worker) -> None:
    worker.progress.starting("waiting for Kafka")
    assert worker.pass_time(10 * STUCK) == (False, False)
    assert worker.progress.verdict().line == "waiting for Kafka"


def test_an_event_loop_that_hangs_is_told_even_where_nothing_waited(worker: Worker) -> None:
    worker.loop_runs = False
    assert worker.pass_time(PATIENCE) == (True, False)
    assert worker.pass_time(2) == (False, False)
    assert worker.progress.verdict().line == "the worker's event loop has done nothing for 102 s"
    assert worker.pass_time(STUCK) == (False, True)


def test_who_has_no_partitions_says_why(worker: Worker) -> None:
    worker.progress.forget()
    assert worker.pass_time(1) == (True, False)
    worker.progress.idle("no partitions, although 3 of 8 are nobody's", by_right=False)
    assert worker.pass_time(10 * STUCK) == (False, False)
    assert worker.progress.verdict().line == "no partitions, although 3 of 8 are nobody's"
    worker.moved(1, 0)
    assert worker.pass_time(1) == (True, False)


def test_a_place_is_named_as_elsewhere() -> None:
    assert str(Place("weir.flows", 3)) == "weir.flows:3"
