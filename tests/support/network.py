"""Namespaces in which servers and workers of one test are apart, with a wire from each worker to each server that can be cut.

    servers' namespace                         a branch: a worker's namespace
    10.78.0.1 (Kafka)       -- veth pair --    10.78.N.2
    10.79.0.1 (ClickHouse)  -- veth pair --    10.79.N.2

A cut wire carries nothing in either direction, and neither end is told: what was under way is lost, and nobody's connection is
reset. Nothing outside of these namespaces can reach them.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Literal

NAMESPACES = Path("/run/netns")
PREFIX = "weir-wires-"
CLONE_NEWNET = 0x40000000
Server = Literal["kafka", "clickhouse"]
NETS: dict[Server, int] = {"kafka": 78, "clickhouse": 79}

_libc = ctypes.CDLL(None, use_errno=True)


def address(server: Server) -> str:
    return f"10.{NETS[server]}.0.1"


class Branch:
    """A worker's namespace. `within`: argv of what runs in there begins with it."""

    def __init__(self, servers: str, number: int) -> None:
        self._servers, self.name, self._number = servers, f"{servers}-{number}", number
        self.within = ("nsenter", f"--net={NAMESPACES / self.name}", "--")
        _ip("netns", "add", self.name)
        _ip("-n", self.name, "link", "set", "lo", "up")
        for server, net in NETS.items():
            here, there = f"10.{net}.{number}.2", address(server)
            _ip("-n", servers, "link", "add", self._wire(server), "type", "veth", "peer", "name", server, "netns", self.name)
            _ip("-n", servers, "address", "add", there, "peer", here, "dev", self._wire(server))
            _ip("-n", self.name, "address", "add", here, "peer", there, "dev", server)
            _ip("-n", self.name, "link", "set", server, "up")
            self.mend(server)

    def cut(self, server: Server) -> None:
        _ip("-n", self._servers, "link", "set", self._wire(server), "down")

    def mend(self, server: Server) -> None:
        _ip("-n", self._servers, "link", "set", self._wire(server), "up")

    def _wire(self, server: Server) -> str:
        return f"{server}-{self._number}"


class Network:
    """While it is open, the thread that opened it is in the servers' namespace, and so is what it starts: threads and processes."""

    made = 0

    def __init__(self) -> None:
        Network.made += 1
        self.name = f"{PREFIX}{os.getpid()}-{Network.made}"
        self._branches = 0

    def branch(self) -> Branch:
        self._branches += 1
        return Branch(self.name, self._branches)

    def __enter__(self) -> Network:
        _remove_leftovers()
        self._home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        _ip("netns", "add", self.name)
        _ip("-n", self.name, "link", "set", "lo", "up")
        for server in NETS:
            _ip("-n", self.name, "address", "add", f"{address(server)}/32", "dev", "lo")
        inside = os.open(NAMESPACES / self.name, os.O_RDONLY | os.O_CLOEXEC)
        _enter(inside)
        os.close(inside)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        _enter(self._home)
        os.close(self._home)
        for path in NAMESPACES.glob(f"{self.name}*"):
            _ip("netns", "del", path.name)


_removing = threading.Lock()


def _remove_leftovers() -> None:
    """Of test processes that were killed."""
    with _removing:
        for path in NAMESPACES.glob(f"{PREFIX}*"):
            if not Path("/proc", path.name.removeprefix(PREFIX).split("-")[0]).exists():
                _ip("netns", "del", path.name)


def _enter(namespace: int) -> None:
    if _libc.setns(namespace, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "a network namespace cannot be entered: run the tests as root")


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr.strip()} (the tests need root and iproute2: `make setup-test`)"
