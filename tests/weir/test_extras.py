"""What each installation has: an agent's machine lacks the worker's packages, and a command that needs one says which extra brings it."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib

import pytest

from tests.support.processes import PATIENCE, ROOT, weir_environment
from weir.failures import FAILED, WRONG, report

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NOT_FOR_AGENTS = (
    "aiokafka",
    "chdb",
    "clickhouse_driver",
    "cramjam",
    "faust",
    "mode",
    "pandas",
    "polars",
    "prometheus_client",
    "pyarrow",
    "radix",
)
LACKING = f"""
import importlib.abc, sys

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {NOT_FOR_AGENTS}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
from weir.cli import main
main()
"""


def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """A weir command in an installation that has only what an agent's has."""
    command = [sys.executable, "-c", LACKING, *arguments]
    return subprocess.run(command, env=weir_environment(settings), capture_output=True, text=True, check=False, timeout=60 * PATIENCE)


def packages(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=]", requirement)[0].replace("-", "_") for requirement in requirements}


def test_an_agents_installation_is_small() -> None:
    extras = PROJECT["optional-dependencies"]
    assert {"agent", "worker", "console", "embedded", "demo"} <= extras.keys()
    assert packages(PROJECT["dependencies"] + extras["agent"]).isdisjoint({*NOT_FOR_AGENTS, "faust_streaming", "py_radix"})


@pytest.mark.parametrize("command", [("agent", "--help"), ("config",), ("topics", "--help"), ("ip-events", "--help"), ("record", "--help")])
def test_commands_that_need_no_more_than_an_agent(command: tuple[str, ...]) -> None:
    done = run(*command)
    assert done.returncode == 0, done.stderr


def test_the_agent_itself_needs_no_more() -> None:
    program = LACKING.replace("from weir.cli import main\nmain()", "import weir.agent_process, producers.agent; print('imported')")
    argv = [sys.executable, "-c", program]
    done = subprocess.run(argv, env=weir_environment(), capture_output=True, text=True, check=False, timeout=60 * PATIENCE)
    assert done.stdout == "imported\n", done.stderr


def test_the_console_needs_no_more_than_its_extra() -> None:
    """What a worker or an embedded engine needs on top is absent."""
    brought = {name.removeprefix("py_") for name in packages(PROJECT["dependencies"] + PROJECT["optional-dependencies"]["console"])}
    absent = tuple(name for name in NOT_FOR_AGENTS if name not in brought)
    assert {"faust", "chdb"} <= set(absent)
    program = LACKING.replace(repr(NOT_FOR_AGENTS), repr(absent)).replace(
        "from weir.cli import main\nmain()", "import weir.api.app, weir.api.server, weir.commands.console; print('imported')"
    )
    argv = [sys.executable, "-c", program]
    done = subprocess.run(argv, env=weir_environment(), capture_output=True, text=True, check=False, timeout=60 * PATIENCE)
    assert done.stdout == "imported\n", done.stderr


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        (("worker",), "worker"),
        (("console", "--openapi"), "console"),
        (("query", "SELECT 1"), "console"),
        (("migrate",), "console"),
        (("explain", "10.0.0.1"), "console"),
    ],
)
def test_a_command_that_needs_more_says_what(command: tuple[str, ...], extra: str) -> None:
    done = run(*command, kafka_bootstrap="127.0.0.1:1", clickhouse_url="clickhouse://127.0.0.1:1/weir")
    assert done.returncode == WRONG, done.stderr
    assert re.fullmatch(rf"This command needs \w+, which is not installed: pip install 'weir\[{extra}\]', or .*\.\n", done.stderr)


def test_another_missing_module_is_a_defect(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(ModuleNotFoundError("No module named 'weir.gone'", name="weir.gone")) == FAILED
    assert capsys.readouterr().err.startswith("Unexpected ModuleNotFoundError")
