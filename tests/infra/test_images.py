"""What images are made of: the parts of the clone that the build is given, and what stays behind of the packages."""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
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
    assert unused(tmp_path, tmp_path / "numpy", ["core.py", "tests", "array.h", "__init__.pyi"]) == {"tests", "array.h", "__init__.pyi"}
    assert unused(tmp_path, tmp_path / "bpf", ["weir.c", "weir.h", "layout.py", "__pycache__"]) == {"__pycache__"}
    assert unused(tmp_path, tmp_path / "pyarrow", ["libarrow.so.2600", "libarrow_flight.so.2600"]) == {"libarrow_flight.so.2600"}


def test_what_weir_imports_of_scipy_is_in_the_image_and_what_it_does_not_is_not(tree: dict[str, object], tmp_path: Path) -> None:
    import scipy

    unused = tree["unused"]
    assert callable(unused)
    lines = "".join(path.read_text() for name in PACKAGES for path in (ROOT / name).rglob("*.py"))
    used = set(re.findall(r"^\s*(?:from scipy(?:\.| import )|import scipy\.)(\w+)", lines, re.MULTILINE))
    parts = {path.name for path in Path(scipy.__file__).parent.iterdir()} - {"tests", "__pycache__"}
    kept = parts - unused(tmp_path, tmp_path / "scipy", sorted(parts))
    assert used == {name for name in kept if not name.startswith("_") and "." not in name}


def test_a_library_that_a_wheel_has_brought_along_is_looked_for_beside_those_that_need_it(tree: dict[str, object], tmp_path: Path) -> None:
    loaded = tree["loaded"]
    assert callable(loaded)
    for folder in ("scipy.libs", "scipy"):
        place = tmp_path / folder
        place.mkdir()
        for name, *needs in (("libquad.so",), ("libfort.so", "-Wl,--no-as-needed", "-L.", "-lquad")):
            command = ["gcc", "-shared", f"-Wl,-soname,{name}", "-o", name, "-xc", "/dev/null", *needs]
            subprocess.run(command, cwd=place, check=True)
    assert {path.name for path in loaded([tmp_path / "scipy.libs" / "libfort.so"])} >= {"libc.so.6"}
    with pytest.raises(SystemExit, match=r"libfort\.so needs libquad\.so, which is not installed"):
        list(loaded([tmp_path / "scipy" / "libfort.so"]))


def test_an_image_is_not_made_of_another_program_by_the_name_of_one_of_weirs_packages(tree: dict[str, object], tmp_path: Path) -> None:
    foreign = tree["foreign"]
    assert callable(foreign)
    installed = tmp_path / "packages"
    for name in PACKAGES:
        shutil.copytree(ROOT / name, installed / name, ignore=shutil.ignore_patterns("__pycache__", "static"))
    assert foreign(installed, ROOT) == []
    (installed / "weir" / "__init__.py").write_text("from weir.colours import paint\n")
    (installed / "schemas" / "colours.py").write_text("")
    assert foreign(installed, ROOT) == ["schemas", "weir"]


def test_weirs_packages_are_those_that_the_images_keep_whole(tree: dict[str, object]) -> None:
    assert set(tree["OWN"]) == PACKAGES  # type: ignore[call-overload]


def test_the_base_of_a_machine_without_a_registry_does_not_come_into_the_images() -> None:
    """What it knows of the machine (certificates, sources, pip's file) is in the build stages alone."""
    copied = re.findall(r"^COPY --from=(\S+) (?:--chown=\S+ )?(\S+) ", DOCKERFILE, re.MULTILINE)
    assert {source for _, source in copied} == {"/tree", "/tree/var/lib/weir"}
