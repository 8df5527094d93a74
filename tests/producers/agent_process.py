"""An agent in a process of its own, to be killed: `python -m tests.producers.agent_process KAFKA STATE CGROUP NODE WINDOW_SECONDS [MORE]`.

MORE: other fields of AgentSettings as JSON.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

from producers.agent import AgentSettings, run_agent
from weir.signals import stop_on_signals


def main(kafka: str, state: str, cgroup: str, node: str, window_seconds: str, more: str = "{}") -> None:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    fields = {"cgroup": Path(cgroup), "window_seconds": int(window_seconds), "spool_bytes": 1 << 20, **json.loads(more)}
    run_agent(AgentSettings(kafka, Path(state), node, **fields), stop_on_signals())


if __name__ == "__main__":
    main(*sys.argv[1:])
