"""The agent that stays: a fresh interpreter that holds no more than counting and publishing need.

`weir agent` checks the settings, writes them to an anonymous file and becomes this module by exec, so that neither the
command line's libraries nor a password in an argument list stay behind.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from schemas.private_files import restrict_umask
from weir.failures import report
from weir.logs import set_up_logging
from weir.signals import interrupt_on_sigterm, stop_on_signals

UNWANTED = ("cramjam", "_hashlib")
"""Modules that libraries import wherever they find them: compression of Avro files, and OpenSSL beside librdkafka's own."""
LEAN = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "131072",
    "MALLOC_TRIM_THRESHOLD_": "131072",
    "NUMPY_MADVISE_HUGEPAGE": "0",
    "OPENBLAS_NUM_THREADS": "1",
}
"""The machine gets back what a large window took; there are no pools for threads that hardly ever run."""
PATHS = ("cgroup", "state_dir", "names_file")
"""Fields of AgentSettings that are paths: JSON has none."""


def become_agent(fields: Mapping[str, Any], log_level: str) -> NoReturn:
    """Replaces this process. `fields` are those of AgentSettings."""
    text = json.dumps({name: str(value) if isinstance(value, Path) else value for name, value in fields.items()})
    handover = os.memfd_create("weir-agent-settings", 0)
    with open(handover, "w", encoding="utf-8", closefd=False) as file:
        file.write(text)
    os.set_inheritable(handover, True)
    # -P: the directory that somebody happens to stand in must not shadow a package. -S: what site found is in the path already, and
    # whatever else an installation runs at the start of every interpreter is not the agent's. A traceback's carets cost half a megabyte.
    arguments = [sys.executable, "-P", "-S", "-X", "no_debug_ranges", "-m", __name__, str(handover), log_level]
    path = os.pathsep.join(sys.path if sys.flags.safe_path else sys.path[1:])
    os.execve(sys.executable, arguments, {**LEAN, **os.environ, "PYTHONPATH": path})  # noqa: S606 this interpreter, with arguments of our own


def main() -> int:
    sys.modules.update(dict.fromkeys(UNWANTED))  # type: ignore[arg-type] # None there refuses an import
    restrict_umask()
    interrupt_on_sigterm()
    handover, log_level = int(sys.argv[1]), sys.argv[2]
    set_up_logging(log_level)
    try:
        _run(_received(handover))
    except KeyboardInterrupt:
        return 0
    except Exception as error:
        return report(error)
    return 0


def _received(handover: int) -> dict[str, Any]:
    with open(handover, encoding="utf-8") as file:
        file.seek(0)
        fields: dict[str, Any] = json.load(file)
    return {name: Path(value) if name in PATHS and value is not None else value for name, value in fields.items()}


def _run(fields: dict[str, Any]) -> None:
    from producers.agent import AgentSettings, run_agent

    run_agent(AgentSettings(**fields), stop_on_signals())


if __name__ == "__main__":
    sys.exit(main())
