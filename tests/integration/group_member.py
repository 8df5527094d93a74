"""One member of a worker's group and nothing behind it: `python -m tests.integration.group_member NAME spread|faust TOPIC...`.

It writes a line of JSON before it joins and whenever it is given a share: {"at": seconds of the monotonic clock, "share": ...}.
`faust`: it has Faust's own assignor, as workers of before had. The settings are the environment's, as for a worker.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any, cast

from faust.assignor import PartitionAssignor
from faust.types import TP, StreamT

from streams.intake.app import WorkerApp, build_app
from tests.support.processes import Child
from weir.commands.worker import settings_for_worker
from weir.settings.sources import load_settings


def member(name: str, kind: str, topics: tuple[str, ...], settings: dict[str, object], directory: Path) -> Child:
    argv = [sys.executable, "-m", "tests.integration.group_member", name, kind, *topics]
    return Child(argv, {**settings, "state_dir": directory / name}, name=name)


def made_app(name: str, kind: str, topics: list[str]) -> WorkerApp:
    app = build_app(settings_for_worker(load_settings().settings))
    app.conf.broker_client_id = name
    if kind == "faust":
        app.conf.PartitionAssignor = PartitionAssignor

    async def take(stream: StreamT[bytes]) -> None:
        async for _ in stream:
            pass

    async def say_share(*args: Any, **_: Any) -> None:
        share: dict[str, list[int]] = defaultdict(list)
        for place in sorted(cast("set[TP]", args[-1])):
            share[place.topic].append(place.partition)
        say(share)

    app.agent(app.topic(*topics, key_type=bytes, value_type=bytes))(take)
    app.on_partitions_assigned.connect(say_share, weak=False)
    return app


def say(share: dict[str, list[int]] | None) -> None:
    sys.stdout.write(json.dumps({"at": time.monotonic(), "share": share}) + "\n")
    sys.stdout.flush()


async def main(name: str, kind: str, topics: list[str]) -> None:
    app, over = made_app(name, kind, topics), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    say(None)
    await app.start()
    await over.wait()
    await app.stop()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
