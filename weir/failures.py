"""Errors as people see them: one sentence on stderr and a status. Standard library only: the resident agent uses it too."""

from __future__ import annotations

import sys
import traceback

from schemas.errors import SettingError, WeirError
from weir.logs import debugging

FAILED, WRONG = 1, 2
_EXTRAS = {
    **dict.fromkeys(("aiokafka", "cramjam", "faust", "mode", "prometheus_client", "publicsuffixlist", "radix"), "worker"),
    **dict.fromkeys(("clickhouse_driver", "pyarrow"), "console"),
    "chdb": "embedded",
    "kubernetes": "watcher",
}
"""Which extra of pyproject.toml brings a module that not every command needs."""


def report(error: Exception) -> int:
    """Says what went wrong and returns the exit status."""
    if debugging():
        traceback.print_exception(error)
    tell(sentence(error))
    return WRONG if isinstance(error, SettingError) or _missing_extra(error) else FAILED


def sentence(error: Exception) -> str:
    said = " ".join(str(error).split())
    if isinstance(error, WeirError):
        return said
    if isinstance(error, ModuleNotFoundError) and (extra := _missing_extra(error)):
        return f"This command needs {error.name}, which is not installed: pip install 'weir[{extra}]', or 'weir[demo]' for all of weir."
    return f"Unexpected {type(error).__name__} ({said or 'without a word'}): run it again with --log-level debug and report what it says."


def _missing_extra(error: Exception) -> str:
    """The extra that would bring the missing module; empty where the error is another."""
    name = (error.name or "") if isinstance(error, ModuleNotFoundError) else ""
    return _EXTRAS.get(name.partition(".")[0], "")


def tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")
