"""A link between two network namespaces that delays each connection by a known time: two TUN devices and a relay in user space."""

from __future__ import annotations

import ctypes
import fcntl
import heapq
import os
import select
import struct
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

HERE, THERE = "10.99.0.1", "10.99.0.2"
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
CLONE_NEWNET = 0x40000000
MTU = 1500

_libc = ctypes.CDLL(None, use_errno=True)


class SlowLink:
    """While it is open, HERE in the first namespace reaches THERE in the second. Names are those of /run/netns.

    Packets from HERE are delivered `delay_seconds(n)` later, where n numbers the connections (source ports) in the order in which they
    appear; packets from THERE at once.
    """

    def __init__(self, here: str, there: str, delay_seconds: Callable[[int], float]) -> None:
        self._ends = (here, there)
        self._delay = delay_seconds
        self._seen: dict[bytes, int] = {}

    def __enter__(self) -> SlowLink:
        self._devices = [_device(name, address, peer) for name, address, peer in zip(self._ends, (HERE, THERE), (THERE, HERE), strict=True)]
        self._stop, self._stopping = os.pipe()
        self._thread = threading.Thread(target=self._relay)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        os.close(self._stopping)
        self._thread.join()
        for fd in (*self._devices, self._stop):
            os.close(fd)

    def _relay(self) -> None:
        here, there = self._devices
        waiting: list[tuple[float, int, bytes]] = []
        order = 0
        while True:
            left = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
            ready, _, _ = select.select([here, there, self._stop], [], [], left)
            if self._stop in ready:
                return
            if there in ready:
                os.write(here, os.read(there, MTU))
            if here in ready:
                packet, order = os.read(here, MTU), order + 1
                number = self._seen.setdefault(packet[20:22], len(self._seen))
                heapq.heappush(waiting, (time.monotonic() + self._delay(number), order, packet))
            while waiting and waiting[0][0] <= time.monotonic():
                os.write(there, heapq.heappop(waiting)[2])


def _device(netns: str, address: str, peer: str) -> int:
    """The descriptor of a new TUN device in the namespace, which goes when it is closed."""
    opened: list[int] = []

    def enter_and_open() -> None:  # a thread of its own: it never comes back to the process's namespace
        inside = os.open(Path("/run/netns", netns), os.O_RDONLY)
        assert _libc.setns(inside, CLONE_NEWNET) == 0, "a network namespace cannot be entered: run the tests as root"
        os.close(inside)
        fd = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH14x", b"slow", IFF_TUN | IFF_NO_PI))
        opened.append(fd)

    thread = threading.Thread(target=enter_and_open)
    thread.start()
    thread.join()
    for line in (f"address add {address} peer {peer} dev slow", "link set slow up"):
        subprocess.run(["ip", "-n", netns, *line.split()], check=True)
    return opened[0]
