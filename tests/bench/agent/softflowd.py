"""The lightest flow meter of a distribution, beside the agent on the same traffic: no names, no Kafka, a packet tap on one interface."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from producers.identity.namespaces import inside, namespace_of
from weir.lab import Pod


def installed() -> str | None:
    """Its program; installed now, without being started, where it is missing. None where there is no such package."""
    found = shutil.which("softflowd", path="/usr/sbin:/usr/bin")
    if found is None and shutil.which("apt-get") and not os.geteuid():
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
        subprocess.run(["apt-get", "install", "-qq", "-y", "--no-install-recommends", "softflowd"], env=environment, capture_output=True)
        found = shutil.which("softflowd", path="/usr/sbin:/usr/bin")
    return found


@contextmanager
def softflowd(program: str, pod: Pod) -> Iterator[int]:
    """Runs on the interface of a pod that has processes, outside its cgroup, and exports to a socket that nobody reads. Gives its id."""
    with tempfile.TemporaryDirectory() as folder, _sink(pod) as port:
        command = [
            program,
            "-d",
            "-i",
            Pod.interface,
            "-n",
            f"127.0.0.1:{port}",
            "-p",
            f"{folder}/pid",
            "-c",
            f"{folder}/control",
            "-v",
            "9",
        ]
        process = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{pod.netns}", "--", *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            yield process.pid
            assert process.poll() is None, "softflowd ended early"
        finally:
            process.kill()
            process.wait()


@contextmanager
def _sink(pod: Pod) -> Iterator[int]:
    (pid, *_) = (int(text) for text in (pod.cgroup / "cgroup.procs").read_text().split())
    namespace = namespace_of(pid)
    assert namespace is not None
    with inside(pid, namespace):
        sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with sink:
        sink.bind(("127.0.0.1", 0))
        yield sink.getsockname()[1]
