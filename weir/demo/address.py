"""Where the demo's console listens."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass

from schemas.errors import SettingError

WANTED = "127.0.0.1:8470"
NEIGHBOURS = 50
"""How many ports after a taken one are tried."""


@dataclass(frozen=True)
class Address:
    host: str
    port: int

    @property
    def url(self) -> str:
        return f"http://{self}"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def read_address(text: str) -> Address:
    """127.0.0.1:8470 or [::1]:8470; raises SettingError for anything else."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (host and colon and port.isascii() and port.isdigit() and 0 < int(port) <= 65_535):
        raise SettingError(f"--console {text} is no address with a port: write one like {WANTED}, or --no-console for none.")
    return Address(host, int(port))


def free_address(wanted: Address) -> Address:
    """The address, or the next port of it that is free now. Raises SettingError where none is, or the address is not this machine's."""
    for port in range(wanted.port, min(wanted.port + NEIGHBOURS, 65_536)):
        address = Address(wanted.host, port)
        try:
            family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
            socket.create_server((address.host, port), family=family).close()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                continue
            raise SettingError(f"--console {wanted} cannot be listened on ({error.strerror}): name another address.") from error
        return address
    raise SettingError(f"--console {wanted} is taken, and so are the {NEIGHBOURS} ports after it: name another.")
