"""What a pod of the shop runs: it serves, it calls, and it tells the test how many payload bytes it sent and received on each edge.

A request is REQUEST bytes, the first eight of which say how long the answer shall be. A connection carries a few requests. The test's
collector is told the totals as lines of JSON, and answers with lines of JSON: who is to be called, and whether at all. The standard
library alone: the program travels in a ConfigMap and runs in any image with Python 3.

    pod.py [--serve PORT]... [--serve-udp PORT]... [--call NAME=HOST:PORT]... [--call-udp NAME=HOST:PORT]... [--once REQUESTS]
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import threading
import time

REQUEST = 1009
ANSWER = 4999
REQUESTS_A_CONNECTION = 5
DATAGRAM = 307
PAUSE_SECONDS = 0.1
DRAIN_SECONDS = 4
"""How long a server goes on after it was told to end: until no kube-proxy sends it connections any more."""

ending = threading.Event()
paused = threading.Event()
totals: dict[str, dict[str, int]] = {}
addresses: dict[str, list[str]] = {}
idle: dict[str, threading.Event] = {}


def count(edge: str, **more: int) -> None:
    for name, value in more.items():
        totals[edge][name] += value


def read_exactly(connection: socket.socket, size: int) -> bytes:
    """`size` bytes, or fewer at the stream's end."""
    parts = []
    while size and (part := connection.recv(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def serve(port: int) -> None:
    with socket.create_server(("", port), backlog=64) as listener:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=answer, args=(connection,), daemon=True).start()


def answer(connection: socket.socket) -> None:
    with connection:
        try:
            while len(request := read_exactly(connection, REQUEST)) == REQUEST:
                connection.sendall(bytes(int.from_bytes(request[:8], "big")))
        except OSError:
            pass


def serve_udp(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("", port))
        while True:
            datagram, caller = server.recvfrom(2048)
            server.sendto(datagram, caller)


def call_for_ever(edge: str, host: str, port: int, udp: bool) -> None:
    turn = 0
    while not ending.is_set():
        hosts = addresses.get(edge, [] if host == "-" else [host])
        idle[edge].clear()  # before the order is looked at: an edge that is idle under the order to pause stays so
        if paused.is_set() or not hosts:
            idle[edge].set()
            time.sleep(PAUSE_SECONDS)
            continue
        turn += 1
        call(edge, hosts[turn % len(hosts)], port, udp)
        time.sleep(PAUSE_SECONDS)
    idle[edge].set()


def call(edge: str, host: str, port: int, udp: bool) -> None:
    try:
        (ask_by_datagram if udp else ask)(edge, host, port)
    except OSError:
        count(edge, failed=1)
        time.sleep(PAUSE_SECONDS)


def ask(edge: str, host: str, port: int) -> None:
    with socket.create_connection((host, port), timeout=5) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(REQUESTS_A_CONNECTION):
            connection.sendall(ANSWER.to_bytes(8, "big") + bytes(REQUEST - 8))
            count(edge, sent=REQUEST)
            got = read_exactly(connection, ANSWER)
            count(edge, received=len(got), requests=len(got) == ANSWER)
            if len(got) < ANSWER:
                raise ConnectionResetError(f"{len(got)} bytes of {ANSWER}")


def ask_by_datagram(edge: str, host: str, port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(2)
        client.connect((host, port))
        count(edge, sent=client.send(bytes(DATAGRAM)))
        count(edge, received=len(client.recv(2048)), requests=1)


def report(collector: str) -> None:
    """Tells and listens until the collector closes; then once more."""
    host, port = collector.split(":")
    while True:
        try:
            with socket.create_connection((host, int(port)), timeout=10) as connection:
                connection.settimeout(None)  # orders are rare
                threading.Thread(target=obey, args=(connection,), daemon=True).start()
                while True:
                    connection.sendall(said())
                    if ending.wait(0.2):
                        finish(connection)
                        return
        except OSError:
            if ending.is_set():
                return
            time.sleep(0.2)


def finish(connection: socket.socket) -> None:
    for event in idle.values():
        event.wait(10)
    connection.sendall(said(last=True))


def said(last: bool = False) -> bytes:
    quiet = paused.is_set() and all(event.is_set() for event in idle.values())
    who = {"pod": os.environ["POD"], "workload": os.environ["WORKLOAD"], "quiet": quiet or last, "last": last}
    return json.dumps({**who, "edges": totals}).encode() + b"\n"


def obey(connection: socket.socket) -> None:
    with connection.makefile() as lines:
        try:
            for line in lines:
                order = json.loads(line)
                addresses.update(order.get("addresses", {}))
                (paused.set if order["paused"] else paused.clear)()
        except (OSError, ValueError):
            pass


def run_once(edge: str, host: str, port: int, requests: int) -> None:
    while paused.is_set():
        time.sleep(PAUSE_SECONDS)
    idle[edge].clear()
    for _ in range(requests):
        call(edge, host, port, False)
    idle[edge].set()
    ending.set()


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("--serve", "--serve-udp"):
        parser.add_argument(name, type=int, action="append", default=[])
    for name in ("--call", "--call-udp"):
        parser.add_argument(name, action="append", default=[])
    parser.add_argument("--once", type=int, default=0)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=end, args=(bool(options.serve),), daemon=True).start())
    for port in options.serve:
        threading.Thread(target=serve, args=(port,), daemon=True).start()
    for port in options.serve_udp:
        threading.Thread(target=serve_udp, args=(port,), daemon=True).start()
    calls = [(*parsed(each), False) for each in options.call] + [(*parsed(each), True) for each in options.call_udp]
    for edge, host, port, udp in calls:
        totals[edge] = dict.fromkeys(("sent", "received", "requests", "failed"), 0)
        idle[edge] = threading.Event()
        idle[edge].set()
        todo = (run_once, (edge, host, port, options.once)) if options.once else (call_for_ever, (edge, host, port, udp))
        threading.Thread(target=todo[0], args=todo[1], daemon=True).start()
    report(os.environ["COLLECTOR"])


def end(serves: bool) -> None:
    if serves:
        time.sleep(DRAIN_SECONDS)
    ending.set()


def parsed(text: str) -> tuple[str, str, int]:
    edge, _, where = text.partition("=")
    host, _, port = where.rpartition(":")
    return edge, host, int(port)


if __name__ == "__main__":
    paused.set()  # until the collector says go
    main()
