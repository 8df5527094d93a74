"""Log lines on stderr, in UTC. Standard library only: the resident agent uses it too."""

from __future__ import annotations

import logging
import time

LEVELS = ("debug", "info", "warning", "error")
CHATTY = ("aiokafka", "asyncio", "faust", "kafka", "mode", "pyroute2")
SILENT = ("librdkafka",)
"""Says every refused connection anew; weir says once what it waits for."""


def set_up_logging(level: str) -> None:
    """Other people's libraries speak from warnings on, unless one asks for debug."""
    handler = logging.StreamHandler()
    formatter = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%SZ")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.NOTSET if level == "debug" else max(logging.WARNING, logging.getLogger().level))
    for name in SILENT:
        logging.getLogger(name).setLevel(logging.NOTSET if level == "debug" else logging.CRITICAL + 1)


def debugging() -> bool:
    return logging.getLogger().isEnabledFor(logging.DEBUG)
