"""weir's own version."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("weir")
except PackageNotFoundError:  # run from its sources, not installed
    VERSION = "unknown"
