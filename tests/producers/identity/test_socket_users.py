"""A socket that one cgroup made and another uses has its user's name, or none: real sockets, passed on and moved."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from producers.identity import socket_users
from producers.identity.cgroups import Cgroup
from producers.identity.holdings import Holding
from producers.identity.inventory import HostInventory
from producers.identity.listeners import Listener
from producers.identity.resolver import PathResolver
from producers.identity.socket_users import DESCRIPTOR_LIMIT, ROUND_LOOKS, SocketUsers
from tests.support.processes import PATIENCE
from weir.lab import Lab, Node, Pod

PORT, TCP = 8000, 6
LISTEN = """
import socket, sys
listener = socket.create_server((sys.argv[1], 8000))
print("done", flush=True)
sys.stdin.read()
"""
HAND_ON = """
import socket, subprocess, sys
address, own, others = sys.argv[1:]
open(own + "/cgroup.procs", "w").write("0")
listener = socket.create_server((address, 8000))
idle = [sys.executable, "-c", "import sys; sys.stdin.read()"]
def pass_on():
    child = subprocess.Popen(idle, pass_fds=[listener.fileno()], stdin=subprocess.PIPE)
    open(others + "/cgroup.procs", "w").write(str(child.pid))
    return child
print("done", flush=True)
children = []
for order in sys.stdin:
    if order == "pass on\\n":
        children.append(pass_on())
    else:
        listener.close()
    print("done", flush=True)
"""


@pytest.fixture
def node() -> Iterator[Node]:
    with Lab("socketusers") as lab:
        yield lab.node("n1")


class Looks:
    def __init__(self, node: Node) -> None:
        resolver = PathResolver("n1", node.cgroup, node.cgroup.parent)
        self._inventory = HostInventory(node.cgroup, resolver, resolver.node_workload)

    def again(self, ends_window: bool = True) -> set[Holding]:
        return set(self._inventory.look(ends_window))

    def user(self, cgroup: Path, ip: bytes) -> str | None:
        return self._inventory.served.user((cgroup.stat().st_ino, ip, PORT, TCP))


class Process:
    """Runs a script in a pod; each order is awaited."""

    def __init__(self, pod: Pod, script: str, *arguments: str) -> None:
        self._child = pod.popen([sys.executable, "-c", script, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.pid = self._child.pid
        self._heard()

    def order(self, text: str) -> None:
        assert self._child.stdin is not None
        self._child.stdin.write(f"{text}\n".encode())
        self._child.stdin.flush()
        self._heard()

    def _heard(self) -> None:
        assert self._child.stdout is not None
        assert self._child.stdout.readline() == b"done\n"

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.close()
        self._child.stdout.close()
        self._child.wait(10 * PATIENCE)


def mapped(pod: Pod) -> bytes:
    return bytes(10) + b"\xff\xff" + bytes(int(part) for part in pod.ipv4.split("."))


def ports(found: set[Holding]) -> set[str]:
    return {holding.workload for holding in found if holding.port == PORT}


@contextmanager
def moved(node: Node) -> Iterator[tuple[Pod, Pod, Looks]]:
    """The pods "launcher" and "db", and looks: a server listened in the one at the first look, and has moved to the other since."""
    launcher, db, looks = node.pod("launcher"), node.pod("db"), Looks(node)
    with Process(launcher, LISTEN, launcher.ipv4) as server:
        looks.again()
        (db.cgroup / "cgroup.procs").write_text(str(server.pid))
        yield launcher, db, looks


def test_a_process_moved_after_listening_serves_by_its_new_name(node: Node) -> None:
    with moved(node) as (launcher, db, looks):
        ip = mapped(launcher)
        assert Holding(ip, "db") in looks.again()
        assert looks.user(launcher.cgroup, ip) is None  # the window began as the launcher's
        looks.again()
        assert looks.user(launcher.cgroup, ip) == "db"
        assert looks.user(db.cgroup, ip) is None


def test_a_look_after_a_missed_end_of_a_window_does_not_shorten_what_is_judged(node: Node) -> None:
    with moved(node) as (launcher, _, looks):
        ip = mapped(launcher)
        looks.again(ends_window=False)
        looks.again()
        assert looks.user(launcher.cgroup, ip) is None
        looks.again()
        assert looks.user(launcher.cgroup, ip) == "db"


def test_a_cgroup_with_processes_keeps_what_it_served_elsewhere(node: Node) -> None:
    """An address changes hands and comes back between two looks: the socket's cgroup tells whose flows were whose."""
    shop, db = node.pod("shop"), node.pod("db")
    looks = Looks(node)
    with Process(shop, LISTEN, shop.ipv4), Process(db, LISTEN, db.ipv4):
        looks.again()
        looks.again()
        assert looks.user(db.cgroup, mapped(shop)) is None


@pytest.mark.parametrize(("own", "between"), [("", ""), ("init.scope", "db")], ids=["a server", "a service manager"])
def test_a_socket_passed_on_is_its_users(node: Node, own: str, between: str) -> None:
    """Between passing on and closing both have it open: a manager keeps its copy, of anybody else nothing is known."""
    maker, db = node.pod("maker"), node.pod("db")
    ip, looks, cgroup = mapped(maker), Looks(node), maker.cgroup / own
    cgroup.mkdir(exist_ok=True)
    with Process(maker, HAND_ON, maker.ipv4, os.fspath(cgroup), os.fspath(db.cgroup)) as process:
        looks.again()
        process.order("pass on")
        assert ports(looks.again()) == ({between} if between else set())
        assert looks.user(cgroup, ip) == between
        process.order("close")
        assert ports(looks.again()) == {"db"}
        assert looks.user(cgroup, ip) == "db"


@pytest.mark.parametrize("closes", [True, False], ids=["its maker closes it", "the taker's turn comes"])
def test_a_socket_passed_to_a_process_known_for_long_is_found_when(
    closes: bool, node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as both have it open it is nobody's: the maker's name ends with the round in which the taker is read again."""
    monkeypatch.setattr(socket_users, "ROUND_LOOKS", 5)
    maker, db = node.pod("maker"), node.pod("db")
    looks = Looks(node)
    receive = """
import array, os, socket, sys
with socket.socket(socket.AF_UNIX) as meeting:
    meeting.bind(sys.argv[1]); meeting.listen(); print("done", flush=True)
    link, _ = meeting.accept()
sys.stdin.readline()
_, held, _, _ = socket.recv_fds(link, 1, 1)
print("done", flush=True)
sys.stdin.read()
"""
    give = """
import socket, sys
listener = socket.create_server((sys.argv[1], 8000))
link = socket.socket(socket.AF_UNIX); link.connect(sys.argv[2])
print("done", flush=True)
sys.stdin.readline()
socket.send_fds(link, [b"x"], [listener.fileno()])
print("done", flush=True)
sys.stdin.readline()
listener.close()
print("done", flush=True)
sys.stdin.read()
"""
    path = str(tmp_path / "meeting")
    enter = ["nsenter", f"--net=/run/netns/{maker.netns}", "--", sys.executable, "-c", receive, path]
    with (
        Process(db, f"import os; os.execvp('nsenter', {enter!r})") as taker,
        Process(maker, give, maker.ipv4, path) as giver,
    ):
        for _ in range(3):
            assert ports(looks.again()) == {"maker"}
        giver.order("give")
        taker.order("take")
        if closes:
            giver.order("close")
            assert ports(looks.again()) == {"db"}
            assert looks.user(maker.cgroup, mapped(maker)) == "db"
        else:
            assert [frozenset(ports(looks.again())) for _ in range(5)][-1] == frozenset()


def test_a_process_known_for_long_is_read_once_a_round(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    counts: list[int] = []
    users, group = SocketUsers(), Cgroup(1, "w", (os.getpid(),))
    monkeypatch.setattr(users, "_read", lambda pid, listening: read.append(pid))
    for _ in range(2 + 3 * ROUND_LOOKS):
        users.look([group], [])
        counts.append(len(read))
    assert counts[:2] == [1, 2]  # it is new
    turns = [look for look in range(2, len(counts)) if counts[look] > counts[look - 1]]
    assert len(turns) == 3 and set(np.diff(turns)) == {ROUND_LOOKS}


def test_of_many_descriptors_the_lowest_are_read() -> None:
    """A process that listens before it opens as many files as are read, and once more behind them."""
    program = (
        "import os, resource, socket, sys\n"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, ({DESCRIPTOR_LIMIT} + 100,) * 2)\n"
        "first = socket.create_server(('127.0.0.1', 0))\n"
        f"files = [os.open(os.devnull, os.O_RDONLY) for _ in range({DESCRIPTOR_LIMIT})]\n"
        "last = socket.create_server(('127.0.0.1', 0))\n"
        "print(*(os.fstat(one.fileno()).st_ino for one in (first, last)), flush=True)\n"
        "sys.stdin.read()\n"
    )
    child = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with child:
        assert child.stdout is not None
        made = [Listener(2, TCP, PORT, None, True, False, int(inode)) for inode in child.stdout.readline().split()]
        users = SocketUsers()
        users.look([Cgroup(1, "w", (child.pid,))], made)
        assert [users.user(listener, lambda cgroup: f"cgroup {cgroup}") for listener in made] == ["cgroup 1", ""]
        child.communicate(timeout=10 * PATIENCE)
