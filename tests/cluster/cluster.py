"""The cluster that infra/cluster/run.sh started, as the tests speak with it: kubectl, helm, its parts' processes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.support.processes import PATIENCE, ROOT, wait_for

STATE = ROOT / ".cache" / "cluster"
SERVER = "10.250.0.1"
NODES = {"n1": "10.250.0.11", "n2": "10.250.0.12"}
ZONES = {"n1": "zone-a", "n2": "zone-b"}
REGION = "region-1"

PROGRAMS = os.environ.pop("WEIR_TEST_CLUSTER", "")
"""Folders of kubectl and helm, as in PATH. Taken out of the environment: it is no setting of weir, and would be refused as one."""

Object = dict[str, Any]


def environment() -> dict[str, str]:
    assert PROGRAMS, "no cluster is there: these tests run by `make test-cluster`"
    found = {name: value for name, value in os.environ.items() if not name.startswith("WEIR_")}
    return {**found, "PATH": f"{PROGRAMS}:{os.environ['PATH']}", "KUBECONFIG": str(STATE / "pki" / "admin.kubeconfig")}


class CommandError(AssertionError):
    """A command failed; `said` is what it wrote to stderr."""

    def __init__(self, command: Sequence[str], said: str) -> None:
        super().__init__(f"{' '.join(command)[:300]}: {said[-2000:]}")
        self.said = said


def run(*command: str, given: str = "", timeout: float = 120) -> str:
    """What the command wrote to stdout."""
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=timeout * PATIENCE, env=environment(), check=False)
    if done.returncode:
        raise CommandError(command, done.stderr + done.stdout)
    return done.stdout


def kubectl(*arguments: str, given: str = "", timeout: float = 120) -> str:
    return run("kubectl", *arguments, given=given, timeout=timeout)


def helm(*arguments: str, timeout: float = 300) -> str:
    return run("helm", *arguments, timeout=timeout)


def apply(objects: Sequence[Object]) -> None:
    listed = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
    kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", given=json.dumps(listed))


def patch(namespace: str, kind: str, name: str, change: Object, *more: str) -> None:
    kubectl("-n", namespace, "patch", kind, name, "--type=merge", "-p", json.dumps(change), *more)


def listed(namespace: str, kind: str, selector: str = "") -> list[Object]:
    answer = json.loads(kubectl("-n", namespace, "get", kind, "-o", "json", *(["-l", selector] if selector else [])))
    items: list[Object] = answer["items"]
    return items


def rolled_out(namespace: str, *workloads: str, seconds: float = 120) -> None:
    """Returns when each of kind/name has all of its pods ready, and no other."""
    for workload in workloads:
        kubectl("-n", namespace, "rollout", "status", workload, f"--timeout={seconds * PATIENCE:.0f}s", timeout=seconds + 10)


def pod_ips(namespace: str, selector: str) -> list[str]:
    return [pod["status"]["podIP"] for pod in listed(namespace, "pods", selector)]


def gone(namespace: str, selector: str, seconds: float = 60) -> None:
    """Returns when no pod of the selector is left but the living."""
    wait_for(
        lambda: not any("deletionTimestamp" in pod["metadata"] for pod in listed(namespace, "pods", selector)),
        seconds,
        f"the pods of {selector} that were told to end",
        every=0.5,
    )


def kill_pod(namespace: str, name: str) -> None:
    """SIGKILL to all of its processes, as when its node loses power; the object goes, too, so that it does not come again."""
    uid = next(pod["metadata"]["uid"] for pod in listed(namespace, "pods") if pod["metadata"]["name"] == name)
    for path in Path("/proc").glob("[0-9]*/cgroup"):
        with contextlib.suppress(OSError):
            if f"/pod{uid}/" in path.read_text():
                os.kill(int(path.parent.name), signal.SIGKILL)
    kubectl("-n", namespace, "delete", "pod", name, "--force", "--grace-period=0")


@contextlib.contextmanager
def api_server_away() -> Iterator[None]:
    """It holds its port and its connections, and says nothing."""
    process = _api_server()
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)
    wait_for(_answers, 60, "the API server to answer again")


def _api_server() -> int:
    process = int((STATE / "log" / "apiserver.pid").read_text())
    assert "kube-apiserver" in Path(f"/proc/{process}/cmdline").read_text(), f"process {process} is no API server"
    return process


def _answers() -> bool:
    with contextlib.suppress(CommandError, subprocess.TimeoutExpired):
        return kubectl("get", "--raw", "/readyz", timeout=5) == "ok"
    return False
