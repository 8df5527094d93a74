"""Layers of pyproject.toml hold, and an import that breaks one is found."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import ROOT

PACKAGES = ("bpf", "producers", "schemas", "sinks", "streams", "weir")


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--config", "pyproject.toml"]
    return subprocess.run(command, cwd=folder, env={"PYTHONPATH": str(folder)}, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_layers_hold(copy: Path) -> None:
    done = lint(copy)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("module", "imported", "contract"),
    [
        ("schemas/errors.py", "streams.clock", "Packages"),
        ("sinks/rollups.py", "streams.clock", "Packages"),
        ("producers/losses.py", "streams.clock", "The agent has no part of the worker"),
        ("streams/clock.py", "bpf.layout", "The worker has no part of the agent"),
        ("schemas/instants.py", "schemas.records.flow_batch", "Rooms of the schemas"),
        ("producers/spool/journal.py", "producers.agent", "Rooms of the agent"),
        ("streams/dedup/state.py", "streams.processor", "Rooms of the worker"),
        ("sinks/engines/errors.py", "sinks.open", "Rooms of the sink"),
    ],
)
def test_an_import_against_the_layers_is_found(copy: Path, module: str, imported: str, contract: str) -> None:
    with (copy / module).open("a") as file:
        file.write(f"\nimport {imported}\n")
    done = lint(copy)
    assert done.returncode == 1 and f"{contract} BROKEN" in done.stdout
