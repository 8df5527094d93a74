"""A client that knocks at a port again and again, as it is told: connections without content, one after the other.

Runs as a script inside a pod (standard library only). A line on stdin, HOST PORT, says where; "-" has it stop, and is answered once the
attempt that is under way has ended. Ends with stdin.
"""

from __future__ import annotations

import select
import socket
import sys

EVERY_SECONDS = 0.2


def main() -> None:
    _say("ready")
    target: tuple[str, int] | None = None
    while True:
        readable, _, _ = select.select([sys.stdin], [], [], EVERY_SECONDS if target else None)
        if readable:
            line = sys.stdin.readline()
            if not line:
                return
            host, _, port = line.strip().partition(" ")
            target = (host, int(port)) if port else None
            if target is None:
                _say("stopped")
        if target is not None:
            _knock(target)


def _knock(target: tuple[str, int]) -> None:
    """The kernel says when an attempt has failed."""
    try:
        with socket.create_connection(target) as connection:
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1)
    except OSError:
        return


def _say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
