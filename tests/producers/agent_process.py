"""An agent in a process of its own, to be killed: `python -m tests.producers.agent_process KAFKA STATE CGROUP NODE WINDOW_SECONDS`."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from pathlib import Path

from producers.agent import AgentSettings, run_agent


def main(kafka: str, state: str, cgroup: str, node: str, window_seconds: str) -> None:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    run_agent(AgentSettings(kafka, Path(state), node, cgroup=Path(cgroup), window_seconds=int(window_seconds), spool_bytes=1 << 20), stop)


if __name__ == "__main__":
    main(*sys.argv[1:])
