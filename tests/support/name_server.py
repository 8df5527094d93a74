"""Both ends of DNS in a pod: `name_server.py COMMAND ARGUMENTS...`. What the server is to answer, the question carries behind its header.

reflect             answers on port 53, UDP and TCP
ask HOST            for each line of input, "ID ANSWER" in hex: asks under the id by UDP, awaits the answer, says a word
ask-tcp HOST        the same by TCP, a connection a line
tell HOST PORT      sends each line's answer from port 53 to a socket that asked nothing
dial HOST PORT      connects from port 53 and sends each line's answer behind its length
listen PORT         a UDP and a TCP socket that take what comes; says a word for each
"""

from __future__ import annotations

import socket
import struct
import sys
import threading
from collections.abc import Iterator

PORT, HEADER, SECONDS = 53, 12, 60.0


def main() -> None:
    command, *arguments = sys.argv[1:]
    {"reflect": reflect, "ask": ask, "ask-tcp": ask_tcp, "tell": tell, "dial": dial, "listen": listen}[command](*arguments)


def say(word: str = "done") -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def rounds() -> Iterator[tuple[bytes, bytes]]:
    for line in sys.stdin:
        number, message = line.split(" ")
        yield bytes.fromhex(number), bytes.fromhex(message)


def family_of(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def reflect() -> None:
    stream = socket.create_server(("::", PORT), family=socket.AF_INET6, dualstack_ipv6=True)
    datagrams = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    datagrams.bind(("::", PORT))
    threading.Thread(target=_accept, args=(stream,), daemon=True).start()
    say("ready")
    while True:
        question, peer = datagrams.recvfrom(65_535)
        datagrams.sendto(question[HEADER:], peer)


def _accept(stream: socket.socket) -> None:
    while True:
        link, _ = stream.accept()
        with link, link.makefile("rb") as incoming:
            while length := incoming.read(2):
                body = incoming.read(struct.unpack("!H", length)[0])[HEADER:]
                link.sendall(struct.pack("!H", len(body)) + body)


def ask(host: str) -> None:
    asking = socket.socket(family_of(host), socket.SOCK_DGRAM)
    asking.settimeout(SECONDS)
    asking.connect((host, PORT))
    say("ready")
    for number, message in rounds():
        asking.send(number + bytes(HEADER - 2) + message)
        asking.recv(65_535)
        say()


def ask_tcp(host: str) -> None:
    say("ready")
    for number, message in rounds():
        with socket.create_connection((host, PORT), SECONDS) as link, link.makefile("rb") as incoming:
            link.sendall(struct.pack("!H", HEADER + len(message)) + number + bytes(HEADER - 2) + message)
            incoming.read(2 + len(message))
        say()


def tell(host: str, port: str) -> None:
    telling = socket.socket(family_of(host), socket.SOCK_DGRAM)
    telling.bind(("", PORT))
    say("ready")
    for _, message in rounds():
        telling.sendto(message, (host, int(port)))
        say()


def dial(host: str, port: str) -> None:
    say("ready")
    for _, message in rounds():
        with socket.create_connection((host, int(port)), SECONDS, source_address=("", PORT)) as link:
            link.sendall(struct.pack("!H", len(message)) + message)
            link.shutdown(socket.SHUT_WR)
            link.recv(1)
        say()


def listen(port: str) -> None:
    stream = socket.create_server(("", int(port)))
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind(("", int(port)))
    threading.Thread(target=_swallow, args=(stream,), daemon=True).start()
    say("ready")
    while True:
        datagrams.recv(65_535)
        say()


def _swallow(stream: socket.socket) -> None:
    while True:
        link, _ = stream.accept()
        with link:
            while link.recv(65_535):
                pass
        say()


if __name__ == "__main__":
    main()
