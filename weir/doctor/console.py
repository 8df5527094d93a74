"""The console: who may reach it, and whether its files can be used."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from schemas.errors import WeirError
from weir.doctor.finding import Finding

if TYPE_CHECKING:
    from weir.settings.catalogue import Settings


def has_console() -> bool:
    """Whether what a console needs is installed here: an agent's or a worker's machine need not have it."""
    return find_spec("starlette") is not None and find_spec("uvicorn") is not None


def check_console(settings: Settings) -> Finding:
    """Where it would listen, and with which login. Whether it runs there now is not asked: it may run elsewhere."""
    from weir.api.auth.access import OPEN
    from weir.api.auth.access_file import read_access
    from weir.api.listening import check_public
    from weir.settings.listening import read_listen

    where = settings.console_listen
    try:
        access = read_access(settings.console_access) if settings.console_access else OPEN
        check_public(read_listen(where), not access.is_open, insecure=False)
    except WeirError as error:
        return Finding("console", False, f"it does not start on {where}", str(error))
    ways = "without a login, this machine alone" if access.is_open else f"known by {' or '.join(access.ways)}, {len(access.scopes)} groups"
    return Finding("console", True, f"on {where}: {ways}")
