"""Whether this process can count in the kernel and make namespaces, or why not. Tries; changes nothing."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import platform
import shutil
import subprocess
from pathlib import Path

from bpf.cgroup import find_cgroup2
from schemas.errors import CaptureError

_BPF_SYSCALL = {"x86_64": 321, "aarch64": 280}
_MAP_CREATE, _ARRAY = 0, 2
_MODULES = Path("/lib/modules")


def why_no_capture() -> str | None:
    """The first thing that stands in the way of eBPF here, in a few words; None if nothing does."""
    if os.geteuid():
        return "this user is not root"
    try:
        find_cgroup2()
    except CaptureError:
        return "no cgroup v2 is mounted"
    if refused := _bpf_refused():
        return f"the kernel refuses bpf(2): {refused}"
    if importlib.util.find_spec("bcc") is None:
        return "bcc is missing: `make setup` installs it"
    if not (_MODULES / os.uname().release / "build").exists():
        return "no kernel headers are linked: `make setup` does it"
    return None


def why_no_lab() -> str | None:
    """What stands in the way of network namespaces here; None if nothing does."""
    unshare = shutil.which("unshare")
    if unshare is None or shutil.which("ip") is None:
        return "iproute2 or util-linux is missing: `make setup` installs them"
    tried = subprocess.run([unshare, "--net", "true"], capture_output=True, text=True, check=False)  # noqa: S603 a fixed program
    return f"network namespaces cannot be made ({tried.stderr.strip()})" if tried.returncode else None


def _bpf_refused() -> str | None:
    """Creates a map of one entry and lets it go again; the errno's words if the kernel refuses."""
    number = _BPF_SYSCALL.get(platform.machine())
    if number is None:
        return f"weir does not know its number on {platform.machine()}"
    libc = ctypes.CDLL(None, use_errno=True)
    attributes = (ctypes.c_uint32 * 32)(_ARRAY, 4, 4, 1)
    descriptor = libc.syscall(number, _MAP_CREATE, ctypes.byref(attributes), ctypes.sizeof(attributes))
    if descriptor < 0:
        return os.strerror(ctypes.get_errno())
    os.close(descriptor)
    return None
