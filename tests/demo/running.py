"""Running `weir demo` from outside: starting it, looking at what it put up, and asking its tables."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import urllib.request
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bpf.cgroup import find_cgroup2
from tests.support.processes import PATIENCE, WEIR, Child, weir_environment
from weir.demo.topology import NODES, SERVICES

WINDOW_LINE = r"^\d\d:\d\d:\d\d  \d+ edges  .* \| flows: \d+ counted, \d+ repeats dropped, \d+ unattributed.*lost"
COUNTING = r"^3 agents count on 3 nodes"


@dataclass(frozen=True)
class Put:
    """What a running demo has put up, to be looked for when it is gone."""

    processes: frozenset[int]
    pins: frozenset[Path]

    def left(self) -> list[str]:
        processes = [said for pid in self.processes if (said := _running(pid))]
        namespaces = [path.name for path in Path("/run/netns").glob("weir.demo.*")]
        cgroups = [str(path) for path in find_cgroup2().glob("weir-lab-demo")]
        return [*processes, *namespaces, *cgroups, *(str(pin) for pin in self.pins if pin.exists())]


def _running(pid: int) -> str:
    """State and command of a process, empty where it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
    return f"{pid} {fields[0]} child of {fields[1]}: {command}"


def what_is_up(demo: Child) -> Put:
    cgroups = find_cgroup2() / "weir-lab-demo"
    processes = {int(pid) for procs in cgroups.rglob("cgroup.procs") for pid in procs.read_text().split()}
    processes |= {int(pid) for task in Path(f"/proc/{demo.pid}/task").iterdir() for pid in (task / "children").read_text().split()}
    pins = {Path("/sys/fs/bpf/weir") / str(node.stat().st_ino) for node in cgroups.iterdir() if node.is_dir()}
    assert len(processes) >= len(SERVICES) + len(NODES) + 1
    assert len([pin for pin in pins if pin.is_dir()]) == len(NODES)
    return Put(frozenset(processes), frozenset(pins))


def console_of(said: str) -> str:
    """The console's address, as the demo has said it."""
    place = re.search(r"^The console: (http://127\.0\.0\.1:\d+)$", said, re.MULTILINE)
    assert place, said
    return place[1]


def failures_in_the_console(said: str) -> dict[tuple[str, str], int]:
    """Connections that failed between client and server, by the API at the address that the demo has said."""
    url = f"{console_of(said)}/api/v1/edges?by=client,server&metrics=connections_failed"
    with urllib.request.urlopen(url, timeout=20 * PATIENCE) as answer:  # noqa: S310 a loopback address
        data = json.load(answer)["data"]
    return dict(zip(zip(data["client"], data["server"], strict=True), data["connections_failed"], strict=True))


def listens(pids: Iterable[int]) -> set[str]:
    """Addresses on which the processes listen for TCP, of those that live in this network namespace."""
    here = Path("/proc/self/ns/net").stat().st_ino
    local = [pid for pid in pids if Path(f"/proc/{pid}/ns/net").stat().st_ino == here]
    inodes = {target for pid in local for fd in Path(f"/proc/{pid}/fd").iterdir() for target in _target(fd)}
    rows = [line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
    return {row[1].partition(":")[0] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in inodes}


def _target(link: Path) -> list[str]:
    """None where it is gone: what is listed lives on."""
    with suppress(FileNotFoundError):
        return [str(link.readlink())]
    return []


def open_to_others(folder: Path) -> list[str]:
    """What below the folder group or others have any right to, but for links and for what ends while it is looked at."""
    found = []
    for parent, folders, files in os.walk(folder):  # unlike `rglob` it goes on where a folder is gone
        for name in (*folders, *files):
            with suppress(FileNotFoundError):
                mode = os.lstat(Path(parent) / name).st_mode
                if not stat.S_ISLNK(mode) and mode & 0o077:
                    found.append(f"{mode & 0o777:o} {parent}/{name}")
    return found


def start(data: Path, *arguments: str) -> Child:
    """A demo whose umask takes no right away from anybody: what it makes must be private all the same."""
    command = ["sh", "-c", 'umask 000; exec "$@"', "sh", WEIR, "demo", "--data-dir", data / "tables", *arguments]
    return Child(command, name="weir demo", env={"XDG_STATE_HOME": str(data / "state")})


def ask(data: Path, sql: str) -> list[dict[str, Any]]:
    """`weir query` as a user would after the demo: without a word on where the tables are."""
    done = subprocess.run(
        [WEIR, "query", sql, "--format", "json"],
        env={**weir_environment(), "XDG_STATE_HOME": str(data / "state")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60 * PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
