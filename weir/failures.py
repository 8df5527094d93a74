"""Errors as people see them: one sentence on stderr and a status. Standard library only: the resident agent uses it too."""

from __future__ import annotations

import sys
import traceback

from schemas.errors import SettingError, WeirError
from weir.logs import debugging

FAILED, WRONG = 1, 2


def report(error: Exception) -> int:
    """Says what went wrong and returns the exit status."""
    if debugging():
        traceback.print_exception(error)
    tell(sentence(error))
    return WRONG if isinstance(error, SettingError) else FAILED


def sentence(error: Exception) -> str:
    said = " ".join(str(error).split())
    if isinstance(error, WeirError):
        return said
    return f"Unexpected {type(error).__name__} ({said or 'without a word'}): run it again with --log-level debug and report what it says."


def tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")
