"""Known traffic inside one cgroup, both ends in it: `python loopback_traffic.py CGROUP CONNECTIONS REQUEST ANSWER DATAGRAMS SIZE`.

TCP over 127.0.0.1: each connection carries REQUEST bytes one way and ANSWER bytes back. UDP over ::1: DATAGRAMS of SIZE bytes one
way. Prints the TCP and the UDP port.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from pathlib import Path


def _answer_all(listener: socket.socket, connections: int, request: int, answer: int) -> None:
    for _ in range(connections):
        peer, _ = listener.accept()
        with peer:
            _read(peer, request)
            peer.sendall(bytes(answer))
            peer.shutdown(socket.SHUT_WR)
            assert peer.recv(1) == b""


def _read(connection: socket.socket, count: int) -> None:
    while count:
        count -= len(connection.recv(min(count, 65_536)))


def _streams(connections: int, request: int, answer: int) -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_answer_all, args=(listener, connections, request, answer))
        thread.start()
        for _ in range(connections):
            with socket.create_connection(listener.getsockname()) as connection:
                connection.sendall(bytes(request))
                _read(connection, answer)
                assert connection.recv(1) == b""
        thread.join()
        port: int = listener.getsockname()[1]
    return port


def _datagrams(count: int, size: int) -> int:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as receiver, socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
        receiver.bind(("::1", 20_011))  # below every ephemeral port, so that it is the service's
        sender.connect(receiver.getsockname())
        for _ in range(count):
            sender.send(bytes(size))
            assert len(receiver.recv(65_536)) == size
        port: int = receiver.getsockname()[1]
    return port


def main() -> None:
    cgroup, connections, request, answer, datagrams, size = sys.argv[1], *map(int, sys.argv[2:])
    (Path(cgroup) / "cgroup.procs").write_text(str(os.getpid()))
    sys.stdout.write(f"{_streams(connections, request, answer)} {_datagrams(datagrams, size)}\n")


if __name__ == "__main__":
    main()
