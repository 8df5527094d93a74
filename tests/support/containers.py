"""Servers of tests as containers: `make test-containers` asks for them, and the fixtures stay as they are.

A server is the same program with the same arguments on the same paths either way: what it needs of this machine is mounted
where it is, and its port is published on loopback. A container that is killed goes; what it wrote in its directory stays.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from tests.support.processes import PATIENCE, ROOT, Child, wait_for

WANTED = os.environ.pop("WEIR_TEST_CONTAINERS", "") == "1"
"""Taken out of the environment: it is no setting of weir, and would be refused as one."""
IMAGE = "weir-test-servers"
LABEL = "weir.test"
LISTEN, CLIENTS = ("0.0.0.0", "::/0") if WANTED else ("127.0.0.1", "127.0.0.1")  # noqa: S104


def listens_on(host: str) -> str:
    """What a server at an address of the test's own has to listen on: in a container loopback is not the machine's."""
    return LISTEN if host == "127.0.0.1" else host


"""Inside a container a server listens on all addresses; outside, its port is on loopback only."""

T = TypeVar("T")


def launch(argv: Sequence[str | Path], *, name: str, directory: Path, port: int, needs: Sequence[Path] = ()) -> Child | Contained:
    """The server `argv`, which writes in `directory` and reads what it `needs`; to be awaited by whether it answers on its port."""
    if WANTED:
        return Contained(argv, name=name, directory=directory, port=port, needs=needs)
    return Child(argv, name=name, cwd=directory if directory.is_dir() else ROOT)


class Contained:
    """What `Child` is for a process; a SIGTERM, a SIGKILL or a SIGSTOP goes to the container's first process."""

    def __init__(self, argv: Sequence[str | Path], *, name: str, directory: Path, port: int, needs: Sequence[Path]) -> None:
        self.name = name
        self._container = _run(argv, directory, port, needs)

    def running(self) -> bool:
        self._container.reload()
        return bool(self._container.status == "running")

    def until(self, condition: Callable[[], T | None], timeout: float, what: str) -> T:
        """`wait_for`, cut short when the container ends first."""
        try:
            value = wait_for(lambda: condition() or not self.running() or None, timeout, what)
        except AssertionError as error:
            raise AssertionError(f"{self.name}: {error}\n{self.report()}") from None
        if value is True and not self.running():
            raise AssertionError(f"{self.name} ended before {what}\n{self.report()}")
        return value  # type: ignore[return-value]

    def signal(self, number: signal.Signals) -> None:
        self._container.kill(signal=number.name)

    def stop(self, timeout: float = 30, status: int | None = 0) -> int:
        """SIGTERM, and the exit status; AssertionError for another one than `status` (None: any)."""
        self.signal(signal.SIGTERM)
        code = int(self._container.wait(timeout=timeout * PATIENCE)["StatusCode"])
        assert status is None or code == status, f"{self.name} ended with {code}, not {status}\n{self.report()}"
        return code

    def kill(self) -> None:
        if self.running():
            self.signal(signal.SIGKILL)
        self._container.wait(timeout=10 * PATIENCE)

    def report(self, lines: int = 40) -> str:
        said: bytes = self._container.logs(tail=lines)
        return said.decode("utf-8", "replace")

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._container.remove(force=True)


def _run(argv: Sequence[str | Path], directory: Path, port: int, needs: Sequence[Path]) -> Any:
    # The engine's own watcher of leftovers is an image of its own, which may not be to be had; infra/containers.sh looks after them.
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    os.environ.setdefault("TESTCONTAINERS_HOST_OVERRIDE", "127.0.0.1")
    from testcontainers.core.container import DockerContainer

    mounts: Mapping[Path, str] = {**dict.fromkeys((ROOT, Path(sys.prefix), *needs), "ro"), directory: "rw"}
    container = DockerContainer(IMAGE).with_command([str(part) for part in argv])
    for path, mode in mounts.items():
        container = container.with_volume_mapping(str(path.resolve()), str(path), mode)
    container = container.with_envs(PYTHONPATH=str(ROOT), PYTHONDONTWRITEBYTECODE="1")
    container.ports[str(port)] = ("127.0.0.1", port)  # type: ignore[assignment]  # its own method knows no addresses: it would publish on all
    return container.with_kwargs(working_dir=str(directory), labels={LABEL: str(ROOT)}).start().get_wrapped_container()
