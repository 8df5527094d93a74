"""UDP on many ports, both families, nothing answered: `python many_ports.py FIRST COUNT`. Says "ready", then stays."""

from __future__ import annotations

import signal
import socket
import sys


def main(first: int, count: int) -> None:
    held = [socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) for _ in range(count)]
    for port, receiver in enumerate(held, first):
        receiver.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        receiver.bind(("::", port))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    signal.pause()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
