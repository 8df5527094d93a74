"""Health over HTTP, and the end of a worker that gets nowhere."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from schemas.errors import WeirError
from streams.learning.learner import OwnershipLearner
from streams.observe.health import Watchdog, serve
from streams.observe.liveness import Liveness, Place
from streams.worker import _until_over
from tests.support.http import ask
from tests.support.kafka import free_ports
from tests.support.processes import PATIENCE, weir_environment


def test_it_answers_by_what_is_known_of_the_progress() -> None:
    (port,) = free_ports(1)
    now = [0.0]
    progress = Liveness(10, lambda: now[0])
    serve("", port, progress)
    assert ask(port, "/health") == (503, "starting\n")
    assert ask(port, "/health/live") == (200, "starting\n")
    progress.starting("")
    progress.moved("weir.flows", 0, 5)
    progress.saw_ends({Place("weir.flows", 0): 7})
    assert ask(port, "/health") == (200, "1 partitions, 2 messages to go\n")
    now[0] = 11
    status, said = ask(port, "/health")
    assert status == 503 and said.startswith("weir.flows:0 is 2 messages behind, and nothing of it was committed for 11 s")
    assert ask(port, "/health/live")[0] == 200
    now[0] = 31
    assert ask(port, "/health/live")[0] == 503
    status, said = ask(port, "/metrics")
    assert status == 200 and "weir_last_commit_timestamp_seconds" in said
    with pytest.raises(WeirError, match=f"WEIR_METRICS_PORT={port} cannot be listened on"):
        serve("", port, progress)


@pytest.mark.parametrize(
    ("address", "reached"), [("", {"127.0.0.1", "::1"}), ("127.0.0.1", {"127.0.0.1"}), ("::1", {"::1"}), ("::", {"127.0.0.1", "::1"})]
)
def test_where_it_listens(address: str, reached: set[str]) -> None:
    (port,) = free_ports(1)
    serve(address, port, Liveness(1))
    answers = set()
    for asked in ("127.0.0.1", "::1"):
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection((asked, port), timeout=10 * PATIENCE):
            answers.add(asked)
    assert answers == reached


def test_a_port_of_an_address_that_is_taken_names_both() -> None:
    (port,) = free_ports(1)
    serve("127.0.0.1", port, Liveness(1))
    with pytest.raises(WeirError, match=rf"^WEIR_METRICS_PORT={port} of WEIR_METRICS_ADDRESS=127\.0\.0\.1 cannot be listened on"):
        serve("127.0.0.1", port, Liveness(1))


def stuck() -> Liveness:
    now = iter(range(0, 10**9, 1_000))
    progress = Liveness(1, lambda: next(now))
    progress.starting("")
    progress.moved("weir.flows", 0, 5)
    progress.saw_ends({Place("weir.flows", 0): 7})
    return progress


def test_the_watchdog_stops_a_stuck_worker_and_says_why() -> None:
    stop = threading.Event()
    watchdog = Watchdog(stuck(), stop, 0.01)
    watchdog.start()
    assert stop.wait(10 * PATIENCE)
    watchdog.close()
    with pytest.raises(
        WeirError, match="^The worker is stuck: weir.flows:0 is 2 messages behind.*a new one goes on from what is committed"
    ):
        watchdog.check()


def test_the_watchdog_has_nothing_to_say_of_others() -> None:
    watchdog = Watchdog(Liveness(1), threading.Event(), 0.01)
    watchdog.start()
    watchdog.close()
    watchdog.join(10 * PATIENCE)
    watchdog.check()


def test_a_worker_that_does_not_even_end_is_ended() -> None:
    """A thread that never comes back keeps Python from ending."""
    program = (
        "import threading\n"
        "from streams.observe import health\n"
        "from tests.streams.observe.test_health import stuck\n"
        "health._LAST_SECONDS = 0.1\n"
        "health.Watchdog(stuck(), threading.Event(), 0.01).start()\n"
        "threading.Event().wait()\n"
    )
    argv = [sys.executable, "-c", program]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60 * PATIENCE, env=weir_environment(), check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("The worker is stuck: ") and done.stderr.count("\n") == 1


class Part:
    """Stands for the app, the scheduler and the learner of a worker, which end when they are told to, or by themselves."""

    def __init__(self, **ends: Any) -> None:
        self._stop = asyncio.Event()
        self._ends = ends
        self.crash_reason = ends.get("crash")
        self.failed = ends.get("failed")
        self._joined = threading.Event()
        if self.failed:
            self._joined.set()

    async def run(self) -> None:
        if error := self._ends.get("scheduler"):
            raise error
        await self._stop.wait()

    async def note_ends(self) -> None:
        await self._stop.wait()

    async def follow(self) -> None:
        await self._stop.wait()

    def stop(self) -> None:
        self._stop.set()
        self._joined.set()

    async def wait_until_stopped(self) -> None:
        if "app" not in self._ends and self.crash_reason is None:
            await self._stop.wait()

    def is_alive(self) -> bool:
        return not self._joined.is_set()


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ({"failed": WeirError("knowledge is gone.")}, "knowledge is gone."),
        ({"scheduler": WeirError("too many letters.")}, "too many letters."),
        ({"crash": RuntimeError("fetcher")}, "The Kafka consumer of the worker ended: RuntimeError('fetcher'); start the worker again."),
        ({"app": True}, "The Kafka consumer of the worker ended by itself: start the worker again."),
    ],
)
def test_the_end_of_any_part_is_the_workers(ends: dict[str, Any], said: str) -> None:
    async def run() -> None:
        part: Any = Part(**ends)
        try:
            await _until_over(part, part, part, lambda: False)
        finally:
            part.stop()

    with pytest.raises(WeirError) as raised:
        asyncio.run(run())
    assert str(raised.value) == said


def test_a_worker_that_is_told_to_stop_just_stops() -> None:
    async def run() -> None:
        part: Any = Part()
        stop = threading.Event()
        asyncio.get_running_loop().call_later(0.05, stop.set)
        await _until_over(part, part, part, stop.is_set)

    asyncio.run(run())


def test_knowledge_that_breaks_says_so_in_a_sentence() -> None:
    broken = SimpleNamespace(
        _catch_up=lambda: 1 / 0, _stop_wanted=threading.Event(), _consumer=SimpleNamespace(close=lambda: None), failed=None
    )
    OwnershipLearner.run(broken)  # type: ignore[arg-type]
    said = "Learning who holds which address came to an end (ZeroDivisionError: division by zero): start the worker again."
    assert isinstance(broken.failed, WeirError) and str(broken.failed) == said
