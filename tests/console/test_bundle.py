"""What is committed as the built page is what its sources give, is small, and is in everything that is installed."""

from __future__ import annotations

import gzip
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.support.processes import PATIENCE, ROOT

CONSOLE = ROOT / "console"
STATIC = ROOT / "weir" / "api" / "static"
BUDGET_BYTES = 120_000


def run(*argv: str | Path, cwd: Path) -> None:
    ended = subprocess.run([*map(str, argv)], cwd=cwd, capture_output=True, text=True, timeout=120 * PATIENCE, check=False)
    assert not ended.returncode, f"{argv}:\n{ended.stdout}{ended.stderr}"


def tool(path: str) -> tuple[Path, Path]:
    """An argv prefix: Node of the virtual environment, and a program of an npm package."""
    program = CONSOLE / "node_modules" / path
    assert program.exists(), f"{program} is missing: run `make setup-test`"
    return Path(sys.executable).parent / "node", program


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_the_committed_page_is_what_its_sources_give(tmp_path: Path) -> None:
    run(*tool("vite/bin/vite.js"), "build", "--outDir", tmp_path / "static", "--emptyOutDir", cwd=CONSOLE)
    built, committed = files(tmp_path / "static"), files(STATIC)
    assert built.keys() == committed.keys(), "the page was not built after its last change: run `make console`"
    assert [name for name in built if built[name] != committed[name]] == []


def test_the_page_has_no_type_error() -> None:
    run(*tool("typescript/bin/tsc"), "--noEmit", cwd=CONSOLE)


def test_all_that_a_browser_loads_is_within_the_budget() -> None:
    sizes = {name: len(gzip.compress(content, 9)) for name, content in files(STATIC).items()}
    assert "index.html" in sizes
    assert sum(sizes.values()) <= BUDGET_BYTES, sizes


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packed")
    run(sys.executable, "-m", "hatchling", "build", "-d", folder, "-t", "sdist", "-t", "wheel", cwd=ROOT)
    return folder


def test_the_wheel_has_the_page(packed: Path) -> None:
    with zipfile.ZipFile(next(packed.glob("*.whl"))) as wheel:
        assert {f"weir/api/static/{name}" for name in files(STATIC)} <= set(wheel.namelist())


def test_the_sdist_has_the_page_and_its_sources_but_nothing_that_npm_installed(packed: Path) -> None:
    with tarfile.open(next(packed.glob("*.tar.gz"))) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {f"weir/api/static/{name}" for name in files(STATIC)} <= names
    assert {"console/package-lock.json", "console/src/main.tsx"} <= names
    assert not [name for name in names if "node_modules" in name]
