"""Log lines on stderr, in UTC. Standard library only: the resident agent uses it too."""

from __future__ import annotations

import logging
import time

LEVELS = ("debug", "info", "warning", "error")
CHATTY = ("aiokafka", "asyncio", "faust", "kafka", "mode", "pyroute2")
SILENT = ("librdkafka",)
"""Says every refused connection anew; weir says once what it waits for."""


class OnceAMinute(logging.Filter):
    """Rate limit: one line a minute of the same text from a client library; aiokafka logs ten refused connections a second."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith(CHATTY):
            return True
        words = (record.name, str(record.msg))
        if record.created - self._said.get(words, 0.0) < 60:
            return False
        if len(self._said) > 1_000:
            self._said.clear()
        self._said[words] = record.created
        return True


def set_up_logging(level: str) -> None:
    """Other people's libraries speak from warnings on, unless one asks for debug."""
    handler = logging.StreamHandler()
    formatter = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%SZ")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    if level != "debug":
        handler.addFilter(OnceAMinute())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.NOTSET if level == "debug" else max(logging.WARNING, logging.getLogger().level))
    for name in SILENT:
        logging.getLogger(name).setLevel(logging.NOTSET if level == "debug" else logging.CRITICAL + 1)


def debugging() -> bool:
    return logging.getLogger().isEnabledFor(logging.DEBUG)
