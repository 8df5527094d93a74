"""What the process of the console costs: how soon it answers, what it holds with the map open, and what it asks while nobody looks."""

from __future__ import annotations

import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tests.bench.console import painted
from tests.bench.console.dataset import LAST_S
from tests.bench.console.report import Figure, at_most
from tests.bench.machine import cpu_seconds, resident_bytes
from tests.support.processes import Child, wait_for

DAY_S = 86_400
IDLE_SECONDS = 5


def measure(directory: Path) -> Iterator[Figure]:
    """Over tables that another process holds, which it asks through their socket."""
    begun = time.monotonic()
    argv = [sys.executable, "-m", "weir.cli", "console", "--listen", "127.0.0.1:0"]
    with Child(argv, {"clickhouse_url": f"chdb://{directory}"}, name="weir console") as console:
        port = int(console.line(r"http://127\.0\.0\.1:(\d+)/").group(1))
        base = f"http://127.0.0.1:{port}"
        wait_for(lambda: _answers(base), 10, "the console to answer", every=0.01)
        yield at_most("the console answers after its start", 1.5, time.monotonic() - begun, "s")
        for path in _asked_by_a_page():
            json.load(urllib.request.urlopen(base + path))  # noqa: S310 - this machine
        yield at_most("process with the map open, resident", 150, resident_bytes(console.pid) / 1e6, "MB")
        before = cpu_seconds(console.pid)
        time.sleep(IDLE_SECONDS)
        yield at_most("CPU while nobody looks", 0.01, (cpu_seconds(console.pid) - before) / IDLE_SECONDS, "cores")
        yield from painted.measure(base)
        console.stop()


def _answers(base: str) -> bool:
    try:
        return bool(urllib.request.urlopen(f"{base}/healthz").read())  # noqa: S310 - this machine
    except urllib.error.URLError:
        return False


def _asked_by_a_page() -> list[str]:
    """The map of a day and what stands around it, then an hour later, with an edge open, and flows."""
    paths = ["/api/v1/status", "/api/v1/me", "/api/v1/fields"]
    for end_s in (LAST_S, LAST_S - 3_600):
        span = f"from={end_s - DAY_S}&to={end_s}"
        paths += [f"/api/v1/groups?{span}", f"/api/v1/series?{span}&by=&metrics=bytes,connections_failed", f"/api/v1/losses?{span}&by=step"]
        paths += [
            f"/api/v1/edges?{span}&limit=1000",
            f"/api/v1/series?{span}&q=client%3Dns1/w1&by=server",
            f"/api/v1/groups?{span}&compare=-12h",
        ]
    return [*paths, f"/api/v1/flows?from={LAST_S - 300}&to={LAST_S}&limit=200"]
