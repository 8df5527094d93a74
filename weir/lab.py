"""Nodes and pods on one kernel: cgroups and network namespaces with addresses of their own, for tests and the demo.

All pods of a lab sit on one bridge in a hub namespace that belongs to the lab, so that labs never meet and may use the same addresses.
Neighbours are static and the links carry no ARP, neighbour discovery or multicast reports: what an interface counts is what sockets sent.
"""

from __future__ import annotations

import fcntl
import ipaddress
import os
import re
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import orjson

from bpf.cgroup import find_cgroup2
from bpf.probe import remove_probe
from schemas.errors import CaptureError

IPV4_PREFIX, IPV6_PREFIX = 16, 64
LOCKS = Path("/run")
QUIET = ("accept_dad=0", "accept_ra=0", "router_solicitations=0", "addr_gen_mode=1")
JOIN = 'echo $$ > "$0/cgroup.procs" && eval "exec $2>&-" && exec nsenter --net="$1" -- "${@:3}"'
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")


@dataclass(frozen=True)
class InterfaceCounters:
    """What a pod's link has carried so far. Bytes are layer 3: the 14 Ethernet bytes of each frame are taken off."""

    bytes_sent: int
    packets_sent: int
    bytes_received: int
    packets_received: int


class Pod:
    """One workload: a cgroup below its node's, and a network namespace with one link (`eth0`) on the lab's bridge."""

    interface = "eth0"

    def __init__(self, lab: Lab, node: Node, workload: str, number: int) -> None:
        self._lab = lab
        self.workload = workload
        self.cgroup = node.cgroup / workload
        self.netns = f"{lab.prefix}{node.name}.{workload}"
        self.mac = f"02:77:00:{node.number:02x}:{number >> 8:02x}:{number & 255:02x}"
        self.ipv4 = f"10.77.{node.number}.{number}"
        self.ipv6 = f"fd77::{node.number:x}:{number:x}"
        self.port = f"p{node.number}-{number}"
        self.addresses: list[str] = []
        self._processes: list[subprocess.Popen[Any]] = []
        self.cgroup.mkdir()

    def popen(self, argv: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
        """Starts a process that is in the pod's cgroup and namespace before its own first instruction."""
        inside, joined = os.pipe()
        command = ["bash", "-c", JOIN, str(self.cgroup), f"/run/netns/{self.netns}", str(joined), *argv]
        with open(inside, "rb") as ready:
            try:
                process = subprocess.Popen(command, pass_fds=(joined, *options.pop("pass_fds", ())), **options)  # noqa: S603 the caller's command
            finally:
                os.close(joined)
            ready.read()  # ends when the child closes its end, in its cgroup
        self._processes.append(process)
        return process

    def run(self, argv: Sequence[str], timeout_seconds: float = 60.0, **options: Any) -> subprocess.CompletedProcess[Any]:
        """Runs a command in the pod to its end; raises CalledProcessError if it fails, TimeoutExpired if it takes longer."""
        with self.popen(argv, **options) as process:
            try:
                output, errors = process.communicate(timeout=timeout_seconds)
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, argv, output, errors)
        return subprocess.CompletedProcess(argv, 0, output, errors)

    def add_address(self, address: str) -> None:
        """Gives the pod one more address; every other pod of the lab reaches it here from now on."""
        ip = ipaddress.ip_address(address)
        length, more = (IPV4_PREFIX, "") if ip.version == 4 else (IPV6_PREFIX, " nodad")
        _ip(["-n", self.netns], [f"address replace {address}/{length} dev {self.interface}{more}"])
        self.addresses.append(address)
        self._lab.announce([(address, self.mac)], self)

    def remove_address(self, address: str) -> None:
        """Takes an address away; packets to it are lost until another pod adds it."""
        length = IPV4_PREFIX if ipaddress.ip_address(address).version == 4 else IPV6_PREFIX
        _ip(["-n", self.netns], [f"address del {address}/{length} dev {self.interface}"])
        self.addresses.remove(address)

    def set_offloads(self, on: bool) -> None:
        """On: large segments cross the link whole, as one packet. Off: they are cut up before it, into the frames of a wire."""
        flag = "on" if on else "off"
        _run(["nsenter", f"--net=/run/netns/{self.netns}", "ethtool", "-K", self.interface, "tso", flag, "gro", flag])

    def set_link(self, up: bool) -> None:
        """Cuts the pod off, or connects it again, at the bridge: its own interface does not notice."""
        _run(["bridge", "-n", self._lab.hub, "link", "set", "dev", self.port, "state", "3" if up else "0"])  # forwarding, disabled

    def counters(self) -> InterfaceCounters:
        """The link's own counters, an account that owes nothing to BPF."""
        link = orjson.loads(_run(["ip", "-n", self.netns, "-s", "-j", "link", "show", self.interface]))[0]
        sent, received = link["stats64"]["tx"], link["stats64"]["rx"]
        return InterfaceCounters(
            sent["bytes"] - 14 * sent["packets"],
            sent["packets"],
            received["bytes"] - 14 * received["packets"],
            received["packets"],
        )

    def reap(self) -> None:
        """Waits for the pod's processes, which have been ended, and closes what is left of their pipes."""
        for process in self._processes:
            process.wait()
            for pipe in (process.stdin, process.stdout, process.stderr):
                with suppress(OSError):
                    if pipe is not None:
                        pipe.close()


class Node:
    """One machine of the lab: a cgroup that an agent can attach to, with a pod's cgroup for each workload below it."""

    def __init__(self, lab: Lab, name: str, number: int) -> None:
        self._lab = lab
        self.name = name
        self.number = number
        self.cgroup = lab.cgroup / name
        self.pods: list[Pod] = []
        self.cgroup.mkdir()

    def pod(self, workload: str) -> Pod:
        """A new pod, linked and addressed; raises CaptureError if the system refuses."""
        _check_name(workload)
        pod = Pod(self._lab, self, workload, len(self.pods) + 1)
        self.pods.append(pod)
        self._lab.connect(pod)
        return pod


class Lab:
    """A context manager: leftovers of a dead lab of the same name go at the start, everything of this one at the end."""

    def __init__(self, name: str) -> None:
        _check_name(name)
        self.name = name
        self.prefix = f"weir.{name}."
        self.hub = f"{self.prefix}hub"
        self.nodes: list[Node] = []
        self._lock: IO[str] | None = None

    def __enter__(self) -> Lab:
        if os.geteuid():
            raise CaptureError(f"the lab '{self.name}' needs root to make network namespaces and cgroups: run it with sudo")
        self.cgroup = find_cgroup2() / f"weir-lab-{self.name}"
        self._lock = _locked(LOCKS / f"weir-lab-{self.name}.lock", self.name)
        try:
            self._remove()
            self.cgroup.mkdir()
            _ip([], [f"netns add {self.hub}"])
            self._sysctl(self.hub, "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
            _ip(["-n", self.hub], ["link add br0 type bridge stp_state 0 mcast_snooping 0", "link set br0 up"])
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def node(self, name: str) -> Node:
        _check_name(name)
        node = Node(self, name, len(self.nodes) + 1)
        self.nodes.append(node)
        return node

    @property
    def pods(self) -> list[Pod]:
        return [pod for node in self.nodes for pod in node.pods]

    def connect(self, pod: Pod) -> None:
        """Makes the pod's namespace and link, and introduces it to all others."""
        _ip([], [f"netns add {pod.netns}"])
        self._sysctl(pod.netns, *(f"net.ipv6.conf.default.{setting}" for setting in QUIET))
        _ip(
            ["-n", self.hub],
            [
                f"link add {pod.port} type veth peer name {pod.interface} netns {pod.netns} address {pod.mac}",
                f"link set {pod.port} master br0 up",
                f"link set {pod.port} type bridge_slave learning off flood off mcast_flood off",
            ],
        )
        _run(["bridge", "-n", self.hub, "fdb", "replace", pod.mac, "dev", pod.port, "master", "static"])
        _ip(["-n", pod.netns], ["link set lo up", f"link set {pod.interface} arp off up"])
        others = [(address, other.mac) for other in self.pods if other is not pod for address in other.addresses]
        _ip(["-n", pod.netns], _neighbours(others))
        for address in (pod.ipv4, pod.ipv6):
            pod.add_address(address)

    def announce(self, owners: Iterable[tuple[str, str]], owner: Pod) -> None:
        """Tells every pod but the owner which link (MAC) an address is on."""
        lines = _neighbours(owners)
        for pod in self.pods:
            if pod is not owner:
                _ip(["-n", pod.netns], lines)

    def kill(self) -> None:
        """Ends every process of the lab; namespaces, cgroups and counts stay."""
        _kill(self.cgroup)

    def close(self) -> None:
        """Ends every process, removes namespaces and cgroups. Safe to call twice, and after a half-made start."""
        self._remove()
        for pod in self.pods:
            pod.reap()
        self.nodes.clear()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _remove(self) -> None:
        _remove_cgroup(self.cgroup)
        for path in Path("/run/netns").glob(f"{self.prefix}*"):
            _ip([], [f"netns del {path.name}"])

    @staticmethod
    def _sysctl(netns: str, *settings: str) -> None:
        _run(["nsenter", f"--net=/run/netns/{netns}", "sysctl", "-q", "-w", *settings])


def _neighbours(owners: Iterable[tuple[str, str]]) -> list[str]:
    return [f"neigh replace {address} lladdr {mac} dev {Pod.interface} nud permanent" for address, mac in owners]


def _remove_cgroup(cgroup: Path) -> None:
    if not cgroup.is_dir():
        return
    _kill(cgroup)
    for directory, _, _ in os.walk(cgroup, topdown=False):
        remove_probe(Path(directory), force=True)  # pins would outlive their cgroup
        os.rmdir(directory)


def _kill(cgroup: Path, patience: float = 10.0) -> None:
    """Ends every process of the subtree and waits for the kernel to say that it is empty."""
    deadline = time.monotonic() + patience
    with (cgroup / "cgroup.events").open() as events:
        poll = select.poll()
        poll.register(events, select.POLLPRI | select.POLLERR)
        while "populated 1" in _reread(events):
            _signal_all(cgroup)
            poll.poll(100)
            if time.monotonic() > deadline:
                raise CaptureError(f"the processes in {cgroup} do not end: look at its cgroup.procs")


def _signal_all(cgroup: Path) -> None:
    switch = cgroup / "cgroup.kill"  # since Linux 5.14
    if switch.exists():
        switch.write_text("1")
        return
    for procs in cgroup.rglob("cgroup.procs"):
        for pid in procs.read_text().split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)


def _reread(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


def _locked(path: Path, name: str) -> IO[str]:
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise CaptureError(f"the lab '{name}' is in use by another process: end that one or choose another name") from error
    return file


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise CaptureError(f"'{name}' cannot name a lab, node or pod: use lower-case letters, digits and '-'")


def _ip(options: Sequence[str], lines: Sequence[str]) -> None:
    """Runs a batch of iproute2 commands in one process."""
    if lines:
        _run(["ip", *options, "-batch", "-"], "\n".join(lines))


def _run(argv: Sequence[str], text: str | None = None) -> str:
    program = shutil.which(argv[0])
    if program is None:
        raise CaptureError(f"the program '{argv[0]}' is missing: run 'make setup'")
    done = subprocess.run([program, *argv[1:]], input=text, capture_output=True, text=True, check=False)  # noqa: S603 fixed programs
    if done.returncode:
        raise CaptureError(f"'{' '.join(argv)}' failed: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else done.returncode}")
    return done.stdout
