"""The bpf(2) calls that weir needs, through libc alone: a resident process must not carry a compiler's library.

Every function raises OSError as the kernel answered.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from contextlib import suppress
from pathlib import Path

_NUMBERS = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "loongarch64": 280, "s390x": 351, "ppc64le": 361}
_MAP_LOOKUP, _MAP_UPDATE, _OBJ_PIN, _OBJ_GET, _PROG_ATTACH, _PROG_DETACH = 1, 2, 6, 7, 8, 9
_INFO_BY_FD, _PROG_QUERY, _MAP_LOOKUP_BATCH, _MAP_LOOKUP_AND_DELETE_BATCH, _MAP_DELETE_BATCH = 15, 16, 24, 25, 27

CGROUP_INGRESS, CGROUP_EGRESS, CGROUP_SOCK_CREATE, CGROUP_SOCK_OPS, CGROUP_BIND4, CGROUP_BIND6 = 0, 1, 2, 3, 8, 9
ALLOW_MULTI = 2

_libc = ctypes.CDLL(None, use_errno=True)


def _bpf(command: int, attributes: bytearray) -> int:
    buffer = (ctypes.c_char * len(attributes)).from_buffer(attributes)
    result = int(_libc.syscall(_NUMBERS[platform.machine()], command, buffer, len(attributes)))
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result


def _address(buffer: ctypes.Array[ctypes.c_char]) -> int:
    return ctypes.addressof(buffer)


def pin(fd: int, path: Path) -> None:
    name = ctypes.create_string_buffer(os.fsencode(path))
    _bpf(_OBJ_PIN, bytearray(struct.pack("=QII", _address(name), fd, 0)))


def open_pinned(path: Path) -> int:
    """A new descriptor (close-on-exec) of a pinned map or program."""
    name = ctypes.create_string_buffer(os.fsencode(path))
    return _bpf(_OBJ_GET, bytearray(struct.pack("=QII", _address(name), 0, 0)))


def attach(cgroup_fd: int, program_fd: int, kind: int) -> None:
    """Attaches beside whatever programs others have there."""
    _bpf(_PROG_ATTACH, bytearray(struct.pack("=IIII", cgroup_fd, program_fd, kind, ALLOW_MULTI)))


def detach(cgroup_fd: int, program_fd: int, kind: int) -> None:
    _bpf(_PROG_DETACH, bytearray(struct.pack("=IIII", cgroup_fd, program_fd, kind, 0)))


def attached(cgroup_fd: int, kind: int, room: int = 64) -> tuple[int, ...]:
    """Ids of the programs attached to this very cgroup."""
    ids = (ctypes.c_uint32 * room)()
    attributes = bytearray(struct.pack("=IIIIQII", cgroup_fd, kind, 0, 0, ctypes.addressof(ids), room, 0))
    _bpf(_PROG_QUERY, attributes)
    return tuple(ids[: struct.unpack_from("=I", attributes, 24)[0]])


def object_id(fd: int) -> int:
    """The kernel's id of a map or program: the second 32-bit word of both info structs."""
    info = ctypes.create_string_buffer(16)
    _bpf(_INFO_BY_FD, bytearray(struct.pack("=IIQ", fd, len(info), _address(info))))
    return int(struct.unpack_from("=I", info, 4)[0])


def map_lookup(fd: int, key: int, size: int) -> bytes:
    """The value (of all CPUs, for a per-CPU map: `size` counts them) at an array's index."""
    index, value = ctypes.c_uint32(key), ctypes.create_string_buffer(size)
    _bpf(_MAP_LOOKUP, bytearray(struct.pack("=IIQQQ", fd, 0, ctypes.addressof(index), _address(value), 0)))
    return value.raw


def map_update(fd: int, key: int, value: int) -> None:
    """Stores a 32-bit value (a map's or a program's descriptor, for an array of these) at an array's index.

    For an array of maps it returns once no running program holds what stood there before.
    """
    index, content = ctypes.c_uint32(key), ctypes.c_uint32(value)
    _bpf(_MAP_UPDATE, bytearray(struct.pack("=IIQQQ", fd, 0, ctypes.addressof(index), ctypes.addressof(content), 0)))


def delete_batch(fd: int, keys: int, count: int) -> None:
    """Removes the `count` entries whose keys lie one after the other in the memory at `keys`, up to the first that is not there."""
    with suppress(FileNotFoundError):
        _bpf(_MAP_DELETE_BATCH, bytearray(struct.pack("=QQQQIIQQ", 0, 0, keys, 0, count, fd, 0, 0)))


def lookup_batch(
    fd: int, cursor: ctypes.c_uint32, start: bool, keys: int, values: int, count: int, delete: bool = False
) -> tuple[int, bool]:
    """Up to `count` entries of a hash map into the memory at `keys` and `values`, from where `cursor` stands.

    Returns how many there were and whether the map has ended. ENOSPC: not even one bucket fits into `count`.
    """
    came_from = 0 if start else ctypes.addressof(cursor)
    attributes = bytearray(struct.pack("=QQQQIIQQ", came_from, ctypes.addressof(cursor), keys, values, count, fd, 0, 0))
    ended = False
    try:
        _bpf(_MAP_LOOKUP_AND_DELETE_BATCH if delete else _MAP_LOOKUP_BATCH, attributes)
    except FileNotFoundError:  # ENOENT: this was the last batch
        ended = True
    return struct.unpack_from("=I", attributes, 32)[0], ended


def possible_cpus(text: str | None = None) -> int:
    """How many CPUs a per-CPU map has values for, from the kernel's list ("0-3,8")."""
    listed = Path("/sys/devices/system/cpu/possible").read_text() if text is None else text
    return int(listed.strip().replace(",", "-").rsplit("-", 1)[-1]) + 1
