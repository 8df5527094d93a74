"""`weir console`: the web console and the HTTP API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from click import BadParameter, option

from weir.output.stdout import write
from weir.settings.options import Run
from weir.settings.options import command as make

if TYPE_CHECKING:
    from weir.explain.known import Rules
    from weir.settings.catalogue import Settings


@make("console")
@option("--listen", metavar="ADDR:PORT", help="Where it listens, in place of WEIR_CONSOLE_LISTEN; port 0: any that is free.")
@option("--base-path", metavar="PATH", help="The path that a proxy serves it under, in place of WEIR_CONSOLE_BASE_PATH.")
@option("--insecure", is_flag=True, help="Lets everybody who can reach it see everything, without a login.")
@option("--new-token", metavar="NAME", help="Prints a new token and its entry for the access file, and ends.")
@option("--openapi", is_flag=True, help="Prints the API's description, and ends.")
def command(run: Run, listen: str | None, base_path: str | None, insecure: bool, new_token: str | None, openapi: bool) -> None:
    """Serves the web console, and the HTTP API under /api/v1, over the tables of WEIR_CLICKHOUSE_READ_URL or WEIR_CLICKHOUSE_URL.

    On loopback without a login. Elsewhere WEIR_CONSOLE_ACCESS names a file that says who may see what; docs/console.md has an example.
    """
    if openapi:
        _print_description()
    elif new_token is not None:
        _print_token(new_token)
    else:
        _serve(run.settings(), listen, base_path, insecure)


def _serve(settings: Settings, listen: str | None, base_path: str | None, insecure: bool) -> None:
    from sinks.open import open_engine
    from weir.answers.price_file import read_prices
    from weir.answers.segments import ranges_of
    from weir.api import listening
    from weir.api.app import Console
    from weir.api.auth.access import OPEN
    from weir.api.auth.access_file import read_access
    from weir.api.auth.hosts import is_loopback
    from weir.api.server import serve
    from weir.api.tables import Tables
    from weir.api.views import Views
    from weir.settings.cidrs import parse_cidrs
    from weir.settings.listening import read_base_path, read_listen
    from weir.settings.targets import reading_url

    try:
        address = read_listen(listen or settings.console_listen)
        base = read_base_path(base_path or settings.console_base_path)
    except ValueError as error:
        raise BadParameter(f"{error}.") from None
    access = read_access(settings.console_access) if settings.console_access else OPEN
    listening.check_public(address, not access.is_open, insecure)
    prices, ranges = read_prices(settings.prices_file), ranges_of(parse_cidrs(settings.cidrs), {})
    views = Views(settings.console_views)
    listener, where = listening.listen(address)
    with listener:
        engine = open_engine(reading_url(settings), read_only=True)
        try:
            console = Console(Tables(engine, prices, ranges), access, views, _rules(settings), base_path=base, listen=address.host)
            if access.is_open and not is_loopback(address.host):
                _warn(where.text)
            write(f"The console: http://{where.text}{base}")
            serve(console.asgi, listener, console.close)
        finally:
            engine.close()
            views.close()


def _warn(where: str) -> None:
    import logging

    logging.getLogger("weir.console").warning("without a login: whoever can reach %s sees who talks to whom", where)


def _rules(settings: Settings) -> Rules:
    from weir.explain.known import Rules
    from weir.settings.cidrs import parse_cidrs

    labels = parse_cidrs(settings.cidrs)
    return Rules(settings.gap_seconds, settings.skew_ms, settings.window_seconds, settings.retention_seconds, labels)


def _print_description() -> None:
    import orjson

    from weir.api.openapi import describe

    write(orjson.dumps(describe(), option=orjson.OPT_INDENT_2).decode())


def _print_token(name: str) -> None:
    """The token is shown here and nowhere else."""
    from weir.api.auth.access_file import new_token

    if not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
        raise BadParameter(f"{name!r} cannot be a token's name: use letters, digits, - and _.", param_hint="--new-token")
    token, digest = new_token()
    write(f"The token, which is not shown again: {token}\n\nIts entry for the access file:\n")
    write(f'[tokens.{name}]\nsha256 = "{digest}"\ngroups = ["platform"]')
