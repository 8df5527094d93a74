"""The set-up scripts: skipped when done, mended when half done, never on the wrong Python."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.processes import PATIENCE, ROOT

SCRIPTS = [*sorted((ROOT / "infra").glob("*.sh")), ROOT / ".ci" / "run"]

# A project named weir that pip installs without asking any registry.
PYPROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "weir"
version = "1"
"""
BACKEND = """\
import zipfile

def get_requires_for_build_editable(settings=None):
    return []

def build_editable(wheels, settings=None, metadata=None):
    with zipfile.ZipFile(f"{wheels}/weir-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("weir_here.py", "def main(): print('here')")
        wheel.writestr("weir-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: weir\\nVersion: 1\\n")
        wheel.writestr("weir-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("weir-1.dist-info/entry_points.txt", "[console_scripts]\\nweir = weir_here:main\\n")
        wheel.writestr("weir-1.dist-info/RECORD", "")
    return "weir-1-py3-none-any.whl"
"""


def run(script: Path, *arguments: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The script's result; programs in `path` go before the system's."""
    search = os.pathsep.join([*([str(path)] if path else []), "/usr/sbin", "/usr/bin", "/sbin", "/bin"])
    environment = {**os.environ, "PATH": search}
    argv = ["/bin/bash", str(script), *arguments]
    return subprocess.run(argv, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120 * PATIENCE)


def program(directory: Path, name: str, text: str) -> None:
    directory.mkdir(exist_ok=True)
    (directory / name).write_text(f"#!/bin/bash\n{text}\n")
    (directory / name).chmod(0o755)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small clone: the scripts, and a project that installs within a second."""
    shutil.copytree(ROOT / "infra", tmp_path / "clone" / "infra")
    (tmp_path / "clone" / "pyproject.toml").write_text(PYPROJECT)
    (tmp_path / "clone" / "backend.py").write_text(BACKEND)
    return tmp_path / "clone"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_executable_bash(script: Path) -> None:
    assert os.access(script, os.X_OK)
    assert subprocess.run(["/bin/bash", "-n", str(script)], capture_output=True, text=True).stderr == ""


def test_a_second_set_up_installs_nothing() -> None:
    """Whatever is installed is said."""
    done = subprocess.run(["make", "--silent", "setup-test"], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_environment_stands_on_the_distributions_python(project: Path, tmp_path: Path) -> None:
    for name in ("python", "python3", "python3.11", "pip"):
        program(tmp_path / "others", name, "echo 'another Python was used' >&2; exit 97")
    assert run(project / "infra" / "venv.sh", path=tmp_path / "others").returncode == 0
    assert "home = /usr/bin\n" in (project / ".venv" / "pyvenv.cfg").read_text()
    assert subprocess.run([project / ".venv" / "bin" / "weir"], capture_output=True, text=True).stdout == "here\n"
    again = run(project / "infra" / "venv.sh")
    assert (again.returncode, again.stderr) == (0, "")


def test_a_half_made_environment_is_made_anew(project: Path) -> None:
    binaries = project / ".venv" / "bin"
    binaries.mkdir(parents=True)
    (binaries / "weir").touch(0o755)
    mended = run(project / "infra" / "venv.sh")
    assert (mended.returncode, "unfinished" in mended.stderr) == (0, True)
    assert subprocess.run([binaries / "weir"], capture_output=True, text=True).stdout == "here\n"


def test_a_killed_installation_is_not_built_upon(project: Path) -> None:
    backend = project / "backend.py"
    backend.write_text("import os, signal\nos.killpg(os.getpgid(0), signal.SIGKILL)\n")
    killed = subprocess.run(["setsid", "--wait", "/bin/bash", project / "infra" / "venv.sh"], capture_output=True, text=True)
    assert killed.returncode != 0
    backend.write_text(BACKEND)
    mended = run(project / "infra" / "venv.sh")
    assert (mended.returncode, "unfinished" in mended.stderr) == (0, True)
    assert subprocess.run([project / ".venv" / "bin" / "weir"], capture_output=True, text=True).stdout == "here\n"


def test_a_pip_that_fails_is_a_failure_and_is_tried_again_later(project: Path) -> None:
    backend = project / "backend.py"
    backend.write_text("raise SystemExit('no such day')")
    failed = run(project / "infra" / "venv.sh")
    assert failed.returncode == 1
    assert "pip could not install weir" in failed.stderr
    backend.write_text(BACKEND)
    mended = run(project / "infra" / "venv.sh")
    assert (mended.returncode, "unfinished" in mended.stderr) == (0, False)


def test_two_set_ups_at_once_do_not_meet(project: Path) -> None:
    argv = ["/bin/bash", str(project / "infra" / "venv.sh")]
    both = [subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = "".join(one.communicate(timeout=60 * PATIENCE)[1] for one in both)
    assert [one.returncode for one in both] == [0, 0]
    assert said.count("making .venv") == 1


def test_a_clone_that_moved_gets_an_environment_of_its_own(project: Path, tmp_path: Path) -> None:
    assert run(project / "infra" / "venv.sh").returncode == 0
    moved = project.rename(tmp_path / "elsewhere")
    assert run(moved / "infra" / "venv.sh").returncode == 0
    assert str(moved) in (moved / ".venv" / "bin" / "weir").read_text()


def test_an_interrupted_download_of_kafka_is_done_again(project: Path, tmp_path: Path) -> None:
    libs = project / ".cache" / "kafka" / "libs"
    target = r'for word; do [[ $word == -DoutputDirectory=* ]] && to=${word#*=}; done; touch "$to/kafka_2.13-4.1.0.jar"'
    program(tmp_path / "tools", "mvn", f"{target}; kill -9 $PPID")
    assert run(project / "infra" / "kafka-jars.sh", path=tmp_path / "tools").returncode != 0
    assert not libs.exists()
    program(tmp_path / "tools", "mvn", target)
    assert run(project / "infra" / "kafka-jars.sh", path=tmp_path / "tools").returncode == 0
    assert (libs / "kafka_2.13-4.1.0.jar").exists()
    program(tmp_path / "tools", "mvn", "exit 1")
    assert run(project / "infra" / "kafka-jars.sh", path=tmp_path / "tools").returncode == 0


def test_a_maven_that_brings_nothing_is_a_failure(project: Path, tmp_path: Path) -> None:
    program(tmp_path / "tools", "mvn", "exit 0")
    failed = run(project / "infra" / "kafka-jars.sh", path=tmp_path / "tools")
    assert failed.returncode == 1
    assert "brought no kafka_2.13 jar" in failed.stderr
