"""Child processes of tests: started with an environment of their own, awaited by condition, never left behind."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TypeVar

ROOT = Path(__file__).resolve().parents[2]
WEIR = Path(sys.executable).parent / "weir"
"""The command as it was installed beside the running interpreter: PATH plays no part."""

PATIENCE = float(os.environ.get("WEIR_TEST_PATIENCE", "1"))
"""Factor of every deadline of the tests: a slow or busy machine needs a larger one, and no test takes longer that passes."""

T = TypeVar("T")


def wait_for(condition: Callable[[], T | None], timeout: float, what: str, every: float = 0.05) -> T:
    """The first true value of `condition`; AssertionError that says `what` was awaited after `timeout` seconds times PATIENCE."""
    timeout *= PATIENCE
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout:g} s for {what}; the last answer was {value!r}")
        time.sleep(every)
    return value


def weir_environment(settings: Mapping[str, object] | None = None) -> dict[str, str]:
    """This process's environment without its WEIR_* variables, with `settings` (names without the prefix) in their place."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("WEIR_")}
    chosen = {f"WEIR_{name.upper()}": str(value) for name, value in (settings or {}).items()}
    return {**inherited, "PYTHONUNBUFFERED": "1", **chosen}


def die_with_parent() -> tuple[str, ...]:
    """An argv prefix: the kernel kills the child when the test process dies, however that happens."""
    setpriv = shutil.which("setpriv", path="/usr/bin:/bin")
    if setpriv is None:
        raise AssertionError("setpriv is missing: apt-get install util-linux")
    return (setpriv, "--pdeathsig", "KILL")


def as_nobody() -> tuple[str, ...]:
    """An argv prefix: the program runs as a user without rights, but that it may read whatever is there: a clone may lie where only its
    owner looks.
    """
    setpriv = shutil.which("setpriv", path="/usr/bin:/bin")
    assert setpriv is not None, "setpriv is missing: apt-get install util-linux"
    reading = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
    return (setpriv, "--reuid=65534", "--regid=65534", "--clear-groups", *reading, "--")


class Child:
    """A child in a session of its own, with both outputs collected line by line; a context manager that kills what is left."""

    def __init__(
        self,
        argv: Sequence[str | Path],
        settings: Mapping[str, object] | None = None,
        *,
        name: str = "",
        cwd: Path = ROOT,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name or " ".join(str(part) for part in argv[-3:])
        self._stdout: list[str] = []
        self._stderr: list[str] = []
        self.process = subprocess.Popen(  # noqa: S603 - argv comes from the tests themselves
            [*die_with_parent(), *map(str, argv)],
            cwd=cwd,
            env={**weir_environment(settings), **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        pairs = ((self.process.stdout, self._stdout), (self.process.stderr, self._stderr))
        self._readers = [threading.Thread(target=_collect, args=pair, daemon=True) for pair in pairs]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def stdout(self) -> str:
        return "".join(self._stdout)

    @property
    def stderr(self) -> str:
        return "".join(self._stderr)

    def running(self) -> bool:
        return self.process.poll() is None

    def line(self, pattern: str, timeout: float = 30) -> re.Match[str]:
        """The first match of the regular expression in either output; AssertionError with stderr if the child ends before."""
        compiled = re.compile(pattern, re.MULTILINE)
        return self.until(lambda: compiled.search(self.stdout) or compiled.search(self.stderr), timeout, f"a line like {pattern!r}")

    def until(self, condition: Callable[[], T | None], timeout: float, what: str) -> T:
        """`wait_for`, cut short when the child ends first."""

        def answered_or_ended() -> tuple[T | None, bool]:
            ended = not self.running()
            if ended:
                self._join_readers()
            value = condition()  # asked after the end was noted: a last line still counts
            return (value, ended) if value or ended else ()  # type: ignore[return-value]

        try:
            value, _ = wait_for(answered_or_ended, timeout, what)
        except AssertionError as error:
            raise AssertionError(f"{self.name}: {error}\n{self.report()}") from None
        if not value:
            raise AssertionError(f"{self.name} ended with {self.process.returncode} before {what}\n{self.report()}")
        return value

    def wait(self, timeout: float = 30, status: int | None = 0) -> int:
        """The exit status; AssertionError if the child goes on, or ends with another status than `status` (None: any)."""
        try:
            code = self.process.wait(timeout * PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end within {timeout * PATIENCE:g} s\n{self.report()}") from None
        self._join_readers()
        if status is not None and code != status:
            raise AssertionError(f"{self.name} ended with {code}, not {status}\n{self.report()}")
        return code

    def stop(self, timeout: float = 30, status: int | None = 0) -> int:
        """SIGTERM, then `wait`."""
        self.signal(signal.SIGTERM)
        return self.wait(timeout, status)

    def kill(self) -> None:
        """SIGKILL to the child and everything in its session's process group; returns when the child is gone."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait(10 * PATIENCE)
        self._join_readers()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def report(self, lines: int = 40) -> str:
        """The ends of both outputs, for a failing assertion."""
        parts = (f"--- {name}\n{''.join(text[-lines:])}" for name, text in (("stdout", self._stdout), ("stderr", self._stderr)))
        return "\n".join(parts)

    def _join_readers(self) -> None:
        for reader in self._readers:
            reader.join(2)  # a grandchild may hold the pipe open for longer

    def __enter__(self) -> Child:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.kill()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


def weir(*arguments: str | Path, settings: Mapping[str, object] | None = None, env: Mapping[str, str] | None = None) -> Child:
    """`weir ARGUMENTS` as a child: `with weir("worker", settings={"kafka_bootstrap": ...}) as worker:`."""
    return Child([WEIR, *arguments], settings, name=f"weir {arguments[0] if arguments else ''}", env=env)


def run_weir(*arguments: str | Path, settings: Mapping[str, object] | None = None, timeout: float = 60, status: int | None = 0) -> Child:
    """`weir ARGUMENTS`, run to its end and checked for its exit status; the outputs are on what is returned."""
    with weir(*arguments, settings=settings) as child:
        child.wait(timeout, status)
    return child


def _collect(stream: object, lines: list[str]) -> None:
    try:
        lines.extend(raw.decode("utf-8", "replace") for raw in stream)  # type: ignore[attr-defined]
    except ValueError:
        pass  # closed under the reader at the end of the test
