"""The demo's stage: three nodes and their pods in a lab, and the services that play on it."""

from __future__ import annotations

import fcntl
import json
import os
import select
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import IO

from schemas.errors import CaptureError
from weir.demo.topology import INTERNET, INTERNET_NETWORK, SERVICES, Service, stop_order
from weir.lab import LOCKS, Lab, Node, Pod

LAB = "demo"
PATIENCE = 15.0


class Stage:
    """Namespaces and cgroups from __enter__ to __exit__; the services play between play() and stop()."""

    def __init__(self, services: Sequence[Service] = SERVICES) -> None:
        self._services = services
        self._lab = Lab(LAB)
        self._pods: dict[str, Pod] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.nodes: dict[str, Node] = {}
        """All but the internet."""

    def __enter__(self) -> Stage:
        _refuse_a_second()
        self._lab.__enter__()
        try:
            every: dict[str, Node] = {}
            for service in self._services:
                node = every.get(service.node) or every.setdefault(service.node, self._lab.node(service.node))
                self._pods[service.name] = node.pod(service.name)
            self.nodes = {name: node for name, node in every.items() if name != INTERNET}
        except BaseException:
            self._lab.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._lab.close()
        for process in self._processes.values():
            with process:
                process.kill()

    def open(self) -> None:
        """Starts every service, and returns once all ports are open: the first call will be answered."""
        services = {service.name: service for service in self._services}
        addresses = json.dumps({name: (services[name].address or pod.ipv4, pod.ipv6) for name, pod in self._pods.items()})
        for name, pod in self._pods.items():
            pod.run(["ip", "route", "add", INTERNET_NETWORK, "dev", pod.interface])
            if services[name].address:
                pod.add_address(services[name].address)
        for name, pod in self._pods.items():
            if services[name].drops:
                _drop(pod, "-m", "statistic", "--mode", "random", "--probability", f"{services[name].drops:g}")
            for port in (listener.port for listener in services[name].listens if listener.silent):
                _drop(pod, "--dport", str(port))
            argv = [sys.executable, "-m", "weir.demo.services", name, addresses]
            pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
            self._processes[name] = pod.popen(argv, **pipes, process_group=0)
        for name in self._processes:
            self._heard(name)

    def play(self) -> None:
        """Lets the services call each other."""
        for name in self._processes:
            self._tell(name, b"go\n")

    def check(self) -> None:
        """Raises CaptureError, with its last line of output, if a service has ended by itself."""
        for name, process in self._processes.items():
            if process.poll() is not None:
                words = _last_line(process.stderr.read() if process.stderr else b"")
                raise CaptureError(f"the demo's service '{name}' ended with status {process.returncode} ({words}): report it.")

    def stop(self) -> None:
        """Silences the services one after the other, callers first, every call answered and every connection closed.

        They stay in their pods until the stage is cleared: an agent that takes its last look still finds them there.
        """
        for name in stop_order():
            if name in self._processes:
                self._tell(name, b"stop\n")
                self._heard(name)

    def _tell(self, name: str, order: bytes) -> None:
        stdin = self._processes[name].stdin
        if stdin is not None:
            with suppress(BrokenPipeError):
                stdin.write(order)
                stdin.flush()

    def _heard(self, name: str) -> None:
        """Waits for a service's word. Raises CaptureError if none comes."""
        stdout = self._processes[name].stdout
        heard = stdout is not None and _is_readable(stdout) and stdout.readline()
        if not heard:
            with suppress(subprocess.TimeoutExpired):
                self._processes[name].wait(1.0)
            self.check()
            raise CaptureError(f"the demo's service '{name}' does not answer within {PATIENCE:g} s: is the machine overloaded?")


def _is_readable(stream: IO[bytes]) -> bool:
    ready = select.poll()
    ready.register(stream, select.POLLIN)
    return bool(ready.poll(PATIENCE * 1000))


def _refuse_a_second() -> None:
    """The lab would refuse as well, but in words about labs."""
    if os.geteuid():
        return
    with (LOCKS / f"weir-lab-{LAB}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sentence = "another `weir demo` has its nodes on this machine: end that one, or watch a cgroup with --no-traffic."
            raise CaptureError(sentence) from None


def _drop(pod: Pod, *which: str) -> None:
    """Loses some of the TCP packets that arrive at a pod, before its sockets see them; `which`: by iptables' options."""
    try:
        pod.run(["iptables", "-A", "INPUT", "-p", "tcp", *which, "-j", "DROP"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    except subprocess.CalledProcessError as error:
        reason = _last_line(error.stderr)
        raise CaptureError(f"iptables cannot drop packets before '{pod.workload}' ({reason}): run 'make setup'.") from error


def _last_line(output: bytes) -> str:
    lines = output.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
