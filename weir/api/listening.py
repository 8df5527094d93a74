"""Where the console listens, and whether it may without a login."""

from __future__ import annotations

import os
import socket

from schemas.errors import SettingError, WeirError
from weir.api.auth.hosts import is_loopback
from weir.settings.listening import Address

BACKLOG = 128


def check_public(address: Address, has_login: bool, insecure: bool) -> None:
    """Raises SettingError where anybody who reaches the address could see who talks to whom."""
    if not (is_loopback(address.host) or has_login or insecure):
        raise SettingError(
            f"{address.text} is no address of this machine alone, and nobody would have to log in: set WEIR_CONSOLE_ACCESS to an access "
            "file (docs/console.md), listen on 127.0.0.1, or give --insecure to show everything to whoever can reach it."
        )


def listen(address: Address) -> tuple[socket.socket, Address]:
    """The socket, and where it listens: of port 0, the one that it was given. Raises WeirError where that cannot be."""
    try:
        (family, kind, protocol, _, where), *_ = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise WeirError(f"{address.host} is no address of this machine ({error.strerror}): listen on another with --listen.") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(where)
        listener.listen(BACKLOG)
        listener.set_inheritable(False)
    except OSError as error:
        listener.close()
        raise WeirError(f"{address.text} cannot be listened on ({os.strerror(error.errno or 0)}): choose another with --listen.") from None
    return listener, Address(address.host, listener.getsockname()[1])
