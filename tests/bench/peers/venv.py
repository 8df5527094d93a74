"""Rivals that must not share weir's interpreter get one of their own, made once and kept in .cache."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from tests.bench.say import say
from tests.support.processes import ROOT

ENGINE = "chdb-core==26.1.*"
"""The last engine on PyPI that has ENGINE = Kafka inside."""
_PLACE = ROOT / ".cache" / "peers"


def versions() -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in ("chdb-core", "faust-streaming", "aiokafka", "confluent-kafka", "polars"))
    return f"Engine of ClickHouse alone: {ENGINE}; elsewhere: {packages}. Apache Kafka."


def engine_with_kafka() -> Path:
    """The interpreter whose chdb has Kafka's table engine."""
    place = _PLACE / "clickhouse"
    python, done = place / "bin" / "python", place / "installed"
    if not done.exists() or done.read_text() != ENGINE:
        say(f"Installing {ENGINE} into {place.relative_to(ROOT)} (once).")
        subprocess.run([sys.executable, "-m", "venv", "--clear", place], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", ENGINE], check=True)
        done.write_text(ENGINE)
    return python
