"""What images are made of: the parts of the clone that the build is given, and what stays behind of the packages."""

from __future__ import annotations

import re
import runpy
import tomllib
from pathlib import Path

import pytest

from tests.support.processes import ROOT

DOCKER = ROOT / "infra" / "docker"
DOCKERFILE = (DOCKER / "Dockerfile").read_text()
PACKAGES = {"bpf", "producers", "schemas", "sinks", "streams", "weir"}


@pytest.fixture(scope="module")
def tree() -> dict[str, object]:
    return runpy.run_path(str(DOCKER / "tree.py"))


def test_the_build_is_given_every_package_and_nothing_else_of_the_clone() -> None:
    first, *kept = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert first == "*"
    names = {line.removeprefix("!") for line in kept if line.startswith("!")}
    assert names == PACKAGES | {"infra/docker", "pyproject.toml", "LICENSE", "NOTICE", "README.md"}
    assert [name for name in sorted(names) if not (ROOT / name).exists()] == []
    assert kept[-1] == "**/__pycache__"


def test_each_image_has_the_extras_of_what_it_runs() -> None:
    extras = re.findall(r"requirements\.py ([a-z ]+) >", DOCKERFILE)
    assert extras == ["agent", "worker watcher console"]
    optional = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    wanted = runpy.run_path(str(DOCKER / "requirements.py"))["requirements"]
    assert set(optional["agent"]) < set(wanted(["agent"]))
    assert "chdb" not in "".join(wanted(extras[1].split()))


def test_no_image_asks_the_index_for_a_package_named_weir() -> None:
    """It is another program's name there, and would be installed in weir's own place."""
    optional = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    wanted = runpy.run_path(str(DOCKER / "requirements.py"))["requirements"](list(optional))
    assert [each for each in wanted if each.startswith("weir")] == []
    assert set(optional["answers"]) <= set(wanted)


def test_settings_and_commands_of_the_images_exist() -> None:
    from weir.cli import COMMANDS
    from weir.settings.catalogue import Settings

    assert set(re.findall(r"WEIR_([A-Z_]+)", DOCKERFILE)) <= {field.upper() for field in Settings.model_fields}
    assert set(re.findall(r'^CMD \["(\w+)"\]$', DOCKERFILE, re.MULTILINE)) <= set(COMMANDS)


def test_images_start_from_nothing_and_the_worker_is_not_root() -> None:
    finals = DOCKERFILE.split("FROM scratch AS ")[1:]
    assert [final.split()[0] for final in finals] == ["agent", "worker"]
    assert "USER 10001:10001" in finals[1] and "pip install" not in finals[1]


def test_packages_leave_their_tests_and_headers_behind_and_weir_leaves_nothing(tree: dict[str, object], tmp_path: Path) -> None:
    unused = tree["unused"]
    assert callable(unused)
    assert unused(tmp_path, tmp_path / "numpy", ["core.py", "tests", "array.h", "__init__.pyi", "f2py"]) == {
        "tests",
        "array.h",
        "__init__.pyi",
        "f2py",
    }
    assert unused(tmp_path, tmp_path / "bpf", ["weir.c", "weir.h", "layout.py", "__pycache__"]) == {"__pycache__"}
    assert unused(tmp_path, tmp_path / "pyarrow", ["libarrow.so.2600", "libarrow_flight.so.2600"]) == {"libarrow_flight.so.2600"}


def test_weirs_packages_are_those_that_the_images_keep_whole(tree: dict[str, object]) -> None:
    assert set(tree["OWN"]) == PACKAGES  # type: ignore[call-overload]


def test_the_base_of_a_machine_without_a_registry_does_not_come_into_the_images() -> None:
    """What it knows of the machine (certificates, sources, pip's file) is in the build stages alone."""
    copied = re.findall(r"^COPY --from=(\S+) (?:--chown=\S+ )?(\S+) ", DOCKERFILE, re.MULTILINE)
    assert {source for _, source in copied} == {"/tree", "/tree/var/lib/weir"}
