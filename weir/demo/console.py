"""The demo's console: `weir console` as a child, over the tables that the worker holds."""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping, Sequence

from weir.demo.children import Child
from weir.demo.traffic_sources import await_condition
from weir.settings.listening import Address

READY_SECONDS = 60.0


def start_console(address: Address, arguments: Sequence[str], settings: Mapping[str, str], echo: bool) -> Child:
    """Starts it. The tables must have their owner by now, or the console would be it."""
    return Child("the console", [*arguments, "--listen", address.text], settings, echo)


def await_console(console: Child, address: Address, stop: threading.Event) -> None:
    """Returns when it takes connections, or the stop event is set. Raises ChildFailed where it ends instead."""

    def answers() -> bool:
        console.check()
        try:
            socket.create_connection((address.host, address.port), 1.0).close()
        except OSError:
            return False
        return True

    await_condition(answers, READY_SECONDS, stop, lambda: console.failed(f"did not answer within {READY_SECONDS:g} s"))
