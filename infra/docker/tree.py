"""tree.py PACKAGES TREE [LIBRARY...]: makes TREE, the root file system of an image that runs weir and nothing else.

In it are Debian's Python without what only developers use, the Python packages installed in PACKAGES, the shared libraries that all of
these and each LIBRARY load, the certificates that Debian trusts, and the licences of what was copied. Runs on Debian 12 as root, in
the folder that has weir's own packages and licence.
"""

from __future__ import annotations

import compileall
import py_compile
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path

PYTHON = Path("/usr/lib/python3.11")
INSTALLED = Path("/usr/local/lib/python3.11/dist-packages")
MOZILLA = Path("/usr/share/ca-certificates/mozilla")
OWN = ("bpf", "producers", "schemas", "sinks", "streams", "weir")

UNUSED_PYTHON = (
    *("__pycache__", "config-*", "ensurepip", "idlelib", "lib2to3", "pydoc_data", "sitecustomize.py", "tkinter", "turtle*"),
    *("_curses*", "_dbm*", "nis.*", "readline*"),
)
UNUSED = ("__pycache__", "tests", "*.pyi", "*.pyx", "*.pxd", "*.a", "*.h", "*.hpp", "*.c", "*.cpp", "*.cmake", "include")
UNUSED_PATHS = (
    "bin",
    "pygments/lexers/[!_p]*",
    "pygments/styles/[!_d]*",
    "setuptools*/_vendor",
    "pyarrow/libarrow_flight*",
    "pyarrow/libarrow_python_flight*",
    "pyarrow/libgandiva*",
    "pyarrow/_flight*",
    "pyarrow/gandiva*",
    "pyarrow/src",
    "scipy/[a-r]*",
    "scipy/signal",
    "scipy/spatial",
    "scipy/stats",
)
"""Below PACKAGES: parts of packages that weir has no use for, by shell pattern. Of scipy it has sparse and special."""

FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/sbin/nologin\nweir:x:10001:10001:weir:/var/lib/weir:/sbin/nologin\n",
    "etc/group": "root:x:0:\nweir:x:10001:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    "usr/local/bin/weir": "#!/usr/bin/python3\nfrom weir.cli import main\n\nmain()\n",
}
LINKS = {"bin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib64", "sbin": "usr/sbin", "usr/bin/python3": "python3.11"}


def main() -> None:
    packages, tree, libraries = Path(sys.argv[1]), Path(sys.argv[2]), [Path(each) for each in sys.argv[3:]]
    if others := foreign(packages, Path.cwd()):
        raise SystemExit(f"{', '.join(others)} in {packages} is another program's: a requirement has brought a package of that name")
    skeleton(tree)
    shutil.copy2("/usr/bin/python3.11", tree / "usr/bin/python3.11")
    shutil.copytree(PYTHON, tree / PYTHON.relative_to("/"), ignore=shutil.ignore_patterns(*UNUSED_PYTHON), symlinks=True)
    shutil.copytree(packages, tree / INSTALLED.relative_to("/"), ignore=lambda folder, names: unused(packages, Path(folder), names))
    binaries = [*programs(tree), *libraries]
    strip([path for path in binaries if path.is_relative_to(tree / INSTALLED.relative_to("/")) and not bundled(path)])
    copied = [Path("/usr/bin/python3.11"), PYTHON / "os.py", *copy_libraries(tree, {*libraries, *loaded(binaries)})]
    copy_licences(tree, copied)
    trust(tree)
    # nothing is compiled later: the image is read-only. A package may hold a file for another Python, which does not compile.
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    compileall.compile_dir(tree, stripdir=str(tree), prependdir="/", quiet=2, invalidation_mode=unchecked, workers=0)


def foreign(packages: Path, clone: Path) -> list[str]:
    """Which of weir's packages are not the clone's: pip leaves a package in its place that a requirement has put there, and only warns."""
    return [name for name in OWN if sources(packages / name) != sources(clone / name)]


def sources(package: Path) -> dict[Path, bytes]:
    return {path.relative_to(package): path.read_bytes() for path in package.rglob("*.py")}


def skeleton(tree: Path) -> None:
    for name in ("etc/ssl/certs", "usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "usr/local/bin", "root", "proc", "sys", "dev", "run"):
        (tree / name).mkdir(parents=True, exist_ok=True)
    (tree / "tmp").mkdir()
    (tree / "tmp").chmod(0o1777)
    (tree / "var/lib/weir").mkdir(parents=True, mode=0o700)
    for name, text in FILES.items():
        (tree / name).write_text(text)
    (tree / "usr/local/bin/weir").chmod(0o755)
    for name, target in LINKS.items():
        (tree / name).symlink_to(target)


def unused(packages: Path, folder: Path, names: list[str]) -> set[str]:
    """Which of the names in a folder stay behind. weir's own packages are whole: their C is compiled where they run."""
    place = folder.relative_to(packages)
    if place.parts and place.parts[0] in OWN:
        return {name for name in names if name == "__pycache__"}
    by_name = {name for name in names if any(fnmatch(name, pattern) for pattern in UNUSED)}
    return by_name | {name for name in names if any(fnmatch(str(place / name), pattern) for pattern in UNUSED_PATHS)}


def programs(tree: Path) -> Iterator[Path]:
    """Every file of the tree that the dynamic loader reads."""
    yield tree / "usr/bin/python3.11"
    yield from (path for path in tree.rglob("*.so*") if path.is_file() and not path.is_symlink())


def bundled(binary: Path) -> bool:
    """Whether a wheel has brought it along, in NAME.libs."""
    return binary.parent.name.endswith(".libs")


def strip(binaries: list[Path]) -> None:
    """Takes symbols out that nothing is linked by. What is bundled was laid out by a tool, and may not bear it."""
    for binary in binaries:
        subprocess.run(["/usr/bin/strip", "--strip-unneeded", str(binary)], check=True)  # noqa: S603 a file of ours


def loaded(binaries: Iterable[Path]) -> Iterator[Path]:
    """The system's libraries that these load, theirs included. Raises SystemExit where one is missing.

    What is bundled may name no path of its own: its neighbours are found by the path that what loads it has.
    """
    for binary in binaries:
        beside = {"LD_LIBRARY_PATH": str(binary.parent)} if bundled(binary) else {}
        said = subprocess.run(["/usr/bin/ldd", str(binary)], capture_output=True, text=True, check=False, env=beside).stdout  # noqa: S603
        if missing := re.findall(r"^\s*(\S+) => not found", said, re.MULTILINE):
            raise SystemExit(f"{binary} needs {', '.join(missing)}, which is not installed")
        yield from (Path(found) for found in re.findall(r"(?:=> |^\s*)(/(?:usr/)?lib\S+) \(0x", said, re.MULTILINE))


def copy_libraries(tree: Path, libraries: Iterable[Path]) -> Iterator[Path]:
    """Copies each under the name that it is loaded by, a link where that is its second; yields where Debian has it, by both names."""
    copied: dict[Path, str] = {}
    for library in sorted(libraries):
        folder = library.parent.resolve() if library.parent != Path("/lib64") else Path("/usr/lib64")
        target = tree / folder.relative_to("/") / library.name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (first := copied.setdefault(library.resolve(), target.name)) == target.name:
            shutil.copy2(library, target)
        else:
            target.symlink_to(first)
        yield from (library, library.resolve())


def copy_licences(tree: Path, files: Iterable[Path]) -> None:
    """weir's own, and the copyright files of the Debian packages that these files are from. Those of Python packages are beside them."""
    (tree / "usr/share/doc/weir").mkdir(parents=True)
    for name in ("LICENSE", "NOTICE"):
        shutil.copy(name, tree / "usr/share/doc/weir")
    owners: set[str] = set()
    for path in files:
        names = (str(path), str(path).removeprefix("/usr"))  # the package may know it by its place from before /usr was merged
        said = subprocess.run(["/usr/bin/dpkg-query", "-S", *names], capture_output=True, text=True, check=False).stdout  # noqa: S603
        found = re.findall(r"^([a-z0-9.+-]+)(?::\S+)?: ", said, re.MULTILINE)
        owners.update(found)
    for owner in ("ca-certificates", *owners):
        notice = Path("/usr/share/doc") / owner / "copyright"
        if notice.exists():
            (tree / "usr/share/doc" / owner).mkdir(parents=True, exist_ok=True)
            shutil.copy(notice, tree / "usr/share/doc" / owner / "copyright")


def trust(tree: Path) -> None:
    """Debian's certificates alone: what else the machine trusts that builds the image is its own affair."""
    certificates = "".join(path.read_text() for path in sorted(MOZILLA.glob("*.crt")))
    (tree / "etc/ssl/certs/ca-certificates.crt").write_text(certificates)
    (tree / "usr/lib/ssl").mkdir(parents=True, exist_ok=True)
    (tree / "usr/lib/ssl/cert.pem").symlink_to("/etc/ssl/certs/ca-certificates.crt")


if __name__ == "__main__":
    main()
