"""The kernel side: what an agent needs on its node."""

from __future__ import annotations

import os
import re
import sys
from importlib.util import find_spec
from pathlib import Path

from schemas.errors import WeirError
from weir.doctor.finding import Finding

OLDEST_KERNEL = (5, 10)
"""The first long-term kernel with all that is used: 5.9 brought the cgroup of a listening socket."""

NET_ADMIN, SYS_ADMIN = 12, 21
BPFFS = Path("/sys/fs/bpf")


def check_node(cgroup: Path | None) -> tuple[Finding, ...]:
    """Kernel, privileges, cgroup, bpffs, headers and bcc, in the order in which an agent needs them."""
    release = os.uname().release
    return (
        check_kernel(release),
        check_privileges(Path("/proc/self/status").read_text(encoding="ascii", errors="replace")),
        _check_cgroup(cgroup),
        check_bpffs(Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace"), os.geteuid() == 0),
        _check_headers(),
        _check_bcc(),
    )


def check_kernel(release: str) -> Finding:
    numbers = tuple(map(int, re.findall(r"\d+", release)[:2]))
    oldest = ".".join(map(str, OLDEST_KERNEL))
    remedy = "" if numbers >= OLDEST_KERNEL else f"upgrade to Linux {oldest} or newer, or run agents elsewhere"
    return Finding("kernel", not remedy, f"Linux {release}", remedy)


def check_privileges(status: str) -> Finding:
    """`status` is the text of /proc/self/status."""
    match = re.search(r"^CapEff:\s*([0-9a-f]+)$", status, re.MULTILINE)
    held = int(match.group(1), 16) if match else 0
    # CAP_SYS_ADMIN, which entering network namespaces takes, covers CAP_BPF and CAP_PERFMON.
    missing = [name for name, bit in (("CAP_NET_ADMIN", NET_ADMIN), ("CAP_SYS_ADMIN", SYS_ADMIN)) if not held >> bit & 1]
    who = f"user {os.geteuid()}, " + (f"without {', '.join(missing)}" if missing else "with all capabilities that agents use")
    return Finding("privileges", not missing, who, "run agents as root, or privileged in a container" if missing else "")


def _check_cgroup(cgroup: Path | None) -> Finding:
    from bpf.cgroup import resolve_cgroup

    try:
        return Finding("cgroup", True, f"cgroup v2 at {resolve_cgroup(str(cgroup) if cgroup else None)}")
    except WeirError as error:
        return Finding("cgroup", False, "unusable", str(error))


def check_bpffs(mounts: str, may_mount: bool) -> Finding:
    """`mounts` is the text of /proc/self/mounts."""
    if any(line.split()[1:3] == [str(BPFFS), "bpf"] for line in mounts.splitlines()):
        return Finding("bpffs", True, f"mounted at {BPFFS}")
    if may_mount:
        return Finding("bpffs", True, f"not mounted at {BPFFS}: an agent mounts it when it starts")
    return Finding("bpffs", False, f"not mounted at {BPFFS}", f"mount -t bpf bpf {BPFFS}")


def _check_headers() -> Finding:
    """By the agent's own check."""
    from bpf.compiler import check_headers
    from schemas.errors import CaptureError

    try:
        return Finding("headers", True, f"kernel headers at {check_headers()}")
    except CaptureError as error:
        found, _, remedy = str(error).partition(": ")
        return Finding("headers", False, found, remedy)


def _check_bcc() -> Finding:
    spec = find_spec("bcc")
    folder = Path(spec.origin).parent if spec and spec.origin else None
    if folder and (folder / "libbcc.py").is_file():
        return Finding("bcc", True, f"found at {folder}")
    found = f"the module bcc at {folder} is another project" if folder else f"{sys.executable} has no module bcc"
    return Finding("bcc", False, found, "apt-get install python3-bpfcc, in an environment with system site packages (`make setup`)")
