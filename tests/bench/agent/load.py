"""Traffic for the agent's bench, as cheap as Python makes it. Runs as a script inside a pod (standard library only).

Servers say "ready" and go on for ever; clients end by themselves and say what they did, as JSON.
"""

from __future__ import annotations

import json
import os
import random
import select
import socket
import sys
import threading
import time
from collections.abc import Callable

REQUEST, RESPONSE = 100, 1_000
BLOCK = 262_144


def answer(port: int, ports: int, processes: int) -> None:
    """A response and an end to each connection, once its request is there: the kernel hands it over no sooner."""
    listeners = [_listener(port + number) for number in range(ports)]
    for listener in listeners:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 5)
        listener.setblocking(False)
    _say("ready")
    for _ in range(processes - 1):
        if not os.fork():
            break
    by_fd = {listener.fileno(): listener for listener in listeners}
    poll = select.epoll()
    for fd in by_fd:
        poll.register(fd, select.EPOLLIN | select.EPOLLEXCLUSIVE)
    response = bytes(RESPONSE)
    while True:
        for fd, _ in poll.poll():
            while True:
                try:
                    connection, _ = by_fd[fd].accept()
                except BlockingIOError:
                    break
                with connection:
                    connection.recv(REQUEST)
                    connection.send(response)


def connect(host: str, port: int, ports: int, rate: float, seconds: float) -> None:
    """So many short connections a second, over the ports in turn; as many as it can, if those are too many."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    request, made, begun = bytes(REQUEST), 0, time.monotonic()
    while (elapsed := time.monotonic() - begun) < seconds:
        due = int(elapsed * rate)
        if due <= made:
            time.sleep(0.002)
        for _ in range(min(due - made, 50)):
            with socket.socket(family) as connection:
                connection.connect((host, port + made % ports))
                connection.send(request)
                while connection.recv(BLOCK):
                    pass
            made += 1
    _say(json.dumps({"connections": made, "seconds": time.monotonic() - begun}))


def echo(port: int) -> None:
    """An answer to every request on every connection: the application whose speed is measured; and a sink for bulk streams."""
    listener = _listener(port)
    _say("ready")
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_converse, args=(connection,), daemon=True).start()


def _converse(connection: socket.socket) -> None:
    """A stream whose first block is no request is swallowed; its end is answered with an end."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    response, buffer = bytes(RESPONSE), bytearray(BLOCK)
    with connection:
        while size := connection.recv_into(buffer):
            if size == REQUEST:
                connection.send(response)


def ask(host: str, port: int, seconds: float) -> None:
    """One request after the other, a new connection after every twenty: how many, and how long they took."""
    request, took, end = bytes(REQUEST), [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        with socket.create_connection((host, port)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for _ in range(20):
                begun = time.perf_counter_ns()
                connection.send(request)
                left = RESPONSE
                while left:
                    left -= len(connection.recv(left))
                took.append(time.perf_counter_ns() - begun)
    took.sort()
    _say(json.dumps({"requests": len(took) / seconds, "p99_us": took[len(took) * 99 // 100] / 1_000}))


def bulk(host: str, port: int, seconds: float) -> None:
    """One stream as fast as it goes."""
    block, sent, begun = bytes(BLOCK), 0, time.monotonic()
    with socket.create_connection((host, port)) as stream:
        while time.monotonic() < begun + seconds:
            sent += stream.send(block)
        stream.shutdown(socket.SHUT_WR)
        stream.recv(1)
    _say(json.dumps({"bytes": sent, "seconds": time.monotonic() - begun}))


def edges(count: int, seed: int, rounds: int, every: float) -> None:
    """Datagrams into the void, one to three of any size to each of so many services on as many machines; the same each time."""
    dice = random.Random(seed)
    ports = [dice.randrange(1, 30_000) for _ in range(40)]
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.bind(("", 50_000))
    data, sent, begun = bytes(1_400), 0, time.monotonic()
    places = [number * 157 % (1 << 22) for number in range(count)]  # spread over a /10, no two alike
    targets = [(f"10.{128 + (place >> 16)}.{place >> 8 & 255}.{place & 255}", ports[int(40 * dice.random() ** 2)]) for place in places]
    for number in range(rounds):
        time.sleep(max(0.0, begun + number * every - time.monotonic()))
        for target in targets:
            for _ in range(1 + int(3 * dice.random() ** 3)):
                sender.sendto(data[: int(1_400 * dice.random() ** 2)], target)
                sent += 1
    _say(json.dumps({"edges": count, "datagrams": sent}))


def _listener(port: int) -> socket.socket:
    return socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=4_096)


def _say(word: str) -> None:
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


COMMANDS: dict[str, Callable[..., None]] = {command.__name__: command for command in (answer, connect, echo, ask, bulk, edges)}


def main() -> None:
    given = [text if ":" in text or text.count(".") == 3 else float(text) if "." in text else int(text) for text in sys.argv[2:]]
    COMMANDS[sys.argv[1]](*given)


if __name__ == "__main__":
    main()
