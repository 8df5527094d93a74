"""Where the demo's console listens."""

from __future__ import annotations

import errno
import os
import socket

from schemas.errors import SettingError
from weir.settings.listening import Address, read_listen

WANTED = "127.0.0.1:8470"
NEIGHBOURS = 50
"""How many ports after a taken one are tried."""


def url_of(address: Address) -> str:
    return f"http://{address.text}"


def read_address(text: str) -> Address:
    """Raises SettingError for what is no address with a port."""
    try:
        address = read_listen(text)
    except ValueError as error:
        raise SettingError(f"--console {error}; --no-console for none.") from None
    if not address.port:
        raise SettingError(f"--console {text} names no port: write one like {WANTED}, or --no-console for none.")
    return address


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
            reason = os.strerror(error.errno or 0)
            raise SettingError(f"--console {wanted.text} cannot be listened on ({reason}): name another address.") from error
        return address
    raise SettingError(f"--console {wanted.text} is taken, and so are the {NEIGHBOURS} ports after it: name another.")
