"""Network namespaces of processes: which one a process lives in, and asking questions inside it."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def namespace_of(pid: int | str) -> int | None:
    """The inode number of a process's network namespace; None when the process is gone."""
    try:
        return os.stat(f"/proc/{pid}/ns/net").st_ino
    except OSError:
        return None


def host_namespaces() -> frozenset[int]:
    """The machine's own and the agent's own: processes that no agent sees live there, whoever else does."""
    return frozenset(n for n in (namespace_of(1), namespace_of("thread-self")) if n is not None)


@contextmanager
def inside(pid: int, namespace: int) -> Iterator[None]:
    """Puts the calling thread, and no other, into the namespace of a process.

    Raises ProcessLookupError when the process is gone or has moved: its number may be another's by now.
    """
    if namespace == namespace_of("thread-self"):
        yield
        return
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _enter(pid, namespace)
        try:
            yield
        finally:
            _setns(home)
    finally:
        os.close(home)


def _enter(pid: int, namespace: int) -> None:
    try:
        target = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise ProcessLookupError(pid) from error
    try:
        if os.fstat(target).st_ino != namespace:
            raise ProcessLookupError(pid)
        _setns(target)
    finally:
        os.close(target)


def _setns(descriptor: int) -> None:
    if _libc.setns(descriptor, _CLONE_NEWNET) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
