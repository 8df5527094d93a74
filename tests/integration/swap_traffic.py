"""Datagrams that tell who answered: the ends of test_address_swap.

Runs as a script inside a pod (standard library only). Both ends go on until their stdin ends, and say at their end what their own
sockets counted:

`serve NAME PORT ADDRESS...` answers on addresses that it may or may not hold at the moment, with its name;
`ask PORT SIZE PAUSE_MS FILE ADDRESS...` asks each address in turn, and writes a line for each answer: asked at, answered at, address, name.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time
from collections import Counter
from pathlib import Path

IP_FREEBIND = 15
PATIENCE_SECONDS = 0.5


def serve(name: str, port: int, addresses: list[str]) -> dict[str, int]:
    """Received and answered, by address."""
    sockets = {_bound(address, port): address for address in addresses}
    counts: Counter[str] = Counter()
    _say("ready")
    while True:
        readable, _, _ = select.select([*sockets, sys.stdin], [], [])
        if sys.stdin in readable:
            return counts
        for ready in readable:
            data, asker = ready.recvfrom(2_048)
            counts[f"{sockets[ready]} received"] += 1
            try:
                ready.sendto(f"{data.decode().strip()} {name}".ljust(len(data)).encode(), asker)
                counts[f"{sockets[ready]} answered"] += 1
            except OSError:
                continue  # the address left in between


def ask(port: int, size: int, pause_seconds: float, log: Path, addresses: list[str]) -> dict[str, int]:
    """Asked and answered, by address."""
    counts: Counter[str] = Counter()
    with log.open("w", encoding="ascii") as lines, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        _say("ready")
        end: float | None = None
        due = time.monotonic()
        while end is None or time.monotonic() < end:
            readable, _, _ = select.select([asker, sys.stdin] if end is None else [asker], [], [], max(0.0, due - time.monotonic()))
            if asker in readable:
                data, (address, _) = asker.recvfrom(2_048)
                counts[f"{address} answered"] += 1
                sent_us, _, name = data.decode().partition(" ")
                lines.write(f"{sent_us} {_now_us()} {address} {name.strip()}\n")
            if sys.stdin in readable:
                end = time.monotonic() + PATIENCE_SECONDS
            if end is None and time.monotonic() >= due:
                due += pause_seconds
                for address in addresses:
                    asker.sendto(str(_now_us()).encode().ljust(size), (address, port))
                    counts[f"{address} asked"] += 1
            elif end is not None:
                due = end
    return counts


def _bound(address: str, port: int) -> socket.socket:
    """A socket of an address, also while somebody else has it."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    bound.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
    bound.bind((address, port))
    return bound


def _now_us() -> int:
    return time.time_ns() // 1_000


def _say(word: str) -> None:
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


def main() -> None:
    if sys.argv[1] == "serve":
        counts = serve(sys.argv[2], int(sys.argv[3]), sys.argv[4:])
    else:
        counts = ask(int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]) / 1_000, Path(sys.argv[5]), sys.argv[6:])
    _say(json.dumps(counts))


if __name__ == "__main__":
    main()
