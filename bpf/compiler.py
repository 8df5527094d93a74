"""Compiles, loads, pins and attaches, then exits: the only module that knows bcc.

Run as `python -m bpf.compiler CGROUP PINS MAP_ENTRIES DOMAIN_ENTRIES`.
The compiler's library weighs more than a hundred megabytes; a child of its own keeps that out of the agent. What it leaves is all in the
kernel: maps and programs pinned under PINS, programs attached to CGROUP. On failure it prints one sentence and exits with 1.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from bpf import sources, syscalls
from schemas.errors import CaptureError

log = logging.getLogger("weir.agent")
MODULES = Path("/lib/modules")
ATTACHMENTS = {
    "count_sent": syscalls.CGROUP_EGRESS,
    "count_received": syscalls.CGROUP_INGRESS,
    "follow_connection": syscalls.CGROUP_SOCK_OPS,
    "note_udp_socket": syscalls.CGROUP_SOCK_CREATE,
    "note_bind4": syscalls.CGROUP_BIND4,
    "note_bind6": syscalls.CGROUP_BIND6,
}


def compile_in_child(cgroup: Path, pins: Path, map_entries: int, domain_entries: int) -> None:
    """Runs this module in a process of its own; raises CaptureError with what it said. What it says in spite of success is a warning."""
    home = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join(filter(None, (home, os.environ.get("PYTHONPATH"))))
    command = [sys.executable, "-m", "bpf.compiler", str(cgroup), str(pins), str(map_entries), str(domain_entries)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": path})  # noqa: S603
    if done.returncode:
        said = done.stdout.strip() or (done.stderr.strip().splitlines() or [""])[-1] or f"its status was {done.returncode}"
        raise CaptureError(said if done.stdout.strip() else f"the BPF compiler for {cgroup} failed: {said}")
    if done.stdout.strip():
        log.warning("%s", done.stdout.strip())


def build(cgroup: Path, pins: Path, map_entries: int, domain_entries: int) -> None:
    """Compiles and loads; pins everything before it attaches anything, so that nothing is attached that could not be found again."""
    check_headers()
    try:
        from bcc import BPF
    except ImportError as error:
        raise CaptureError(f"{sys.executable} cannot import bcc ({error}): run 'make setup', which installs python3-bpfcc") from error
    kinds = {"count_sent": BPF.CGROUP_SKB, "count_received": BPF.CGROUP_SKB, "follow_connection": BPF.SOCK_OPS}
    here = Path(__file__).resolve().parent
    flags = [f"-I{here}", f"-DMAP_ENTRIES={map_entries}", "-Wno-macro-redefined"]
    flags += [f"-DDOMAIN_ENTRIES={domain_entries}"] if domain_entries else []
    try:
        module = BPF(text=sources.program(domain_entries), cflags=flags)
        programs = {name: int(module.load_func(name, kinds[name]).fd) for name in sources.PROGRAMS}
        programs |= _udp_programs(module)
    except Exception as error:  # bcc raises nothing narrower
        raise CaptureError(
            f"the kernel refused weir's BPF programs ({error}): it needs Linux 5.10 or newer, root or CAP_BPF with CAP_NET_ADMIN"
        ) from error
    maps = {name: int(module[name].map_fd) for name in sources.maps(domain_entries)}
    syscalls.map_update(maps["active"], 0, maps[sources.FLOW_MAPS[0]])
    for name, fd in (maps | programs).items():
        syscalls.pin(fd, pins / name)
    cgroup_fd = os.open(cgroup, os.O_RDONLY | os.O_DIRECTORY)
    for name, fd in programs.items():
        syscalls.attach(cgroup_fd, fd, ATTACHMENTS[name])
    os.close(cgroup_fd)
    if not domain_entries:
        return
    try:  # these take the verifier a while, and counting need not wait for it, nor end without them
        after = [int(module.load_func(name, BPF.CGROUP_SKB).fd) for name in sources.PROGRAMS_AFTER]
    except Exception as error:
        sys.stdout.write(f"the kernel refused the programs that read DNS answers ({error}): flows have no remote_domain\n")
        return
    for index, fd in enumerate(after):
        syscalls.map_update(maps["then"], index, fd)


def _udp_programs(module: Any) -> dict[str, int]:
    """All of them, or none where the kernel or bcc is too old for one."""
    kinds = {"note_udp_socket": module.CGROUP_SOCK, "note_bind4": module.CGROUP_SOCK_ADDR, "note_bind6": module.CGROUP_SOCK_ADDR}
    try:
        return {name: int(module.load_func(name, kinds[name], attach_type=ATTACHMENTS[name]).fd) for name in sources.UDP_PROGRAMS}
    except Exception:  # bcc raises nothing narrower
        return {}


def check_headers() -> Path:
    """Where the running kernel's headers are. bcc looks in one place only; distributions split them into two trees there.

    Raises CaptureError.
    """
    place = MODULES / os.uname().release
    trees = [place / name / "include" for name in ("build", "source")]
    if not trees[0].is_dir() or not any((tree / "uapi" / "linux" / "bpf.h").is_file() for tree in trees):
        raise CaptureError(f"kernel headers are missing at {place}/build: run 'make setup', which installs and links them")
    return place / "build"


def main(arguments: list[str]) -> int:
    cgroup, pins, map_entries, domain_entries = arguments
    try:
        build(Path(cgroup), Path(pins), int(map_entries), int(domain_entries))
    except (CaptureError, OSError) as error:
        with suppress(BrokenPipeError):
            sys.stdout.write(f"{error}\n" if isinstance(error, CaptureError) else f"BPF could not be set up on {cgroup}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
