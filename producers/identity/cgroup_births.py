"""Cgroups as they are made: a container that ends before a window does has an id and a path all the same.

inotify(7) tells of each new directory; a thread reads its number at once, before it may be gone, and watches it in its turn.
Looks find what lives; this finds what lived between two of them. One that is gone within about a millisecond is missed.
"""

from __future__ import annotations

import ctypes
import logging
import os
import select
import struct
import threading
from pathlib import Path

from producers.identity.cgroups import Cgroup

log = logging.getLogger("weir.agent")

WATCH_LIMIT = 16_384
"""Directories that are watched at most. The kernel keeps about a kilobyte for each, and has a limit of its own (max_user_watches)."""
BIRTH_LIMIT = 16_384
"""Births that are kept until the next look. Further ones are not: what still lives then is found all the same."""
_CREATE, _DELETE, _OVERFLOW = 0x100, 0x200, 0x4000
_ONLYDIR, _DONT_FOLLOW, _ISDIR = 0x0100_0000, 0x0200_0000, 0x4000_0000
_EVENT = struct.Struct("=iIII")
_BUFFER_BYTES = 65_536
_libc = ctypes.CDLL(None, use_errno=True)


class CgroupBirths(threading.Thread):
    """Watches the subtree of `root` from its making on. Raises OSError where the kernel gives no inotify instance."""

    def __init__(self, root: Path) -> None:
        super().__init__(name="weir-births", daemon=True)
        self._root = os.fspath(root)
        self._lock = threading.Lock()
        self._paths: dict[int, str] = {}
        self._watches: dict[str, int] = {}
        self._births: dict[int, Cgroup] = {}
        self._full = False
        self.missed = 0
        """New directories that were gone before their number was read, or found no room."""
        self._inotify = _checked(_libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        self._over = os.eventfd(0, os.EFD_CLOEXEC)
        self._enter("")
        self._births.clear()

    @property
    def watched(self) -> int:
        return len(self._paths)

    @property
    def kept(self) -> int:
        return len(self._births)

    def drain(self) -> tuple[Cgroup, ...]:
        """What has been made since the last call, up to now; processes are not looked for. From any thread."""
        with self._lock:
            self._read()
            births, self._births = tuple(self._births.values()), {}
        return births

    def close(self) -> None:
        os.eventfd_write(self._over, 1)
        if self.ident is not None:
            self.join()
        os.close(self._inotify)
        os.close(self._over)

    def run(self) -> None:
        poll = select.poll()
        poll.register(self._inotify, select.POLLIN)
        poll.register(self._over, select.POLLIN)
        while self._over not in (descriptor for descriptor, _ in poll.poll()):
            with self._lock:
                self._read()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._inotify, _BUFFER_BYTES)
            except BlockingIOError:
                return
            position = 0
            while position < len(data):
                watch, mask, _, length = _EVENT.unpack_from(data, position)
                position += _EVENT.size + length
                self._take(watch, mask, os.fsdecode(data[position - length : position].rstrip(b"\0")))

    def _take(self, watch: int, mask: int, name: str) -> None:
        if mask & _OVERFLOW:
            return self._begin_anew()
        parent = self._paths.get(watch)
        if parent is None or not mask & _ISDIR:
            return
        relative = f"{parent}/{name}" if parent else name
        if mask & _DELETE and relative in self._watches:
            self._leave(self._watches[relative])
        elif mask & _CREATE:
            self._enter(relative)

    def _begin_anew(self) -> None:
        """Events were lost: whatever lives is entered again. What has a watch keeps it, under the same number."""
        before, self._paths, self._watches = self._paths, {}, {}
        self._enter("")
        for watch in before.keys() - self._paths.keys():
            _libc.inotify_rm_watch(self._inotify, watch)

    def _leave(self, watch: int) -> None:
        """The kernel would keep the watch of a cgroup that is gone, and the cgroup's inode with it."""
        del self._watches[self._paths.pop(watch)]
        _libc.inotify_rm_watch(self._inotify, watch)

    def _enter(self, relative: str) -> None:
        """Notes a directory, watches it, and goes on to those that were made in it before it was watched."""
        pending = [relative]
        while pending:
            relative = pending.pop()
            path = os.path.join(self._root, relative) if relative else self._root
            try:
                status = os.stat(path)
            except OSError:
                self.missed += relative not in self._watches  # one with a watch was noted when its parent was walked
                continue
            self._note(status, relative)
            self._watch(path, relative)
            try:
                with os.scandir(path) as entries:
                    children = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
            except OSError:
                continue  # gone since it was noted
            pending.extend(f"{relative}/{child}" if relative else child for child in children)

    def _note(self, status: os.stat_result, relative: str) -> None:
        if len(self._births) < BIRTH_LIMIT:
            self._births[status.st_ino] = Cgroup(status.st_ino, relative, (), status.st_ctime_ns)
        else:
            self.missed += 1

    def _watch(self, path: str, relative: str) -> None:
        if len(self._paths) >= WATCH_LIMIT:
            return self._complain(f"{WATCH_LIMIT} are watched already")
        watch = _libc.inotify_add_watch(self._inotify, os.fsencode(path), _CREATE | _DELETE | _ONLYDIR | _DONT_FOLLOW)
        if watch >= 0:
            self._watches.pop(self._paths.get(watch, ""), None)
            self._paths[watch], self._watches[relative] = relative, watch
        elif ctypes.get_errno() not in (2, 20):  # gone again; no error
            self._complain(os.strerror(ctypes.get_errno()))

    def _complain(self, reason: str) -> None:
        """Once. Cgroups below those that are not watched are found by looks alone."""
        if not self._full:
            log.warning("Not every cgroup can be watched (%s): what lives and ends within one window there has no name.", reason)
        self._full = True


def _checked(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
