"""`weir console`: the web console and the HTTP API."""

from __future__ import annotations

from click import BadParameter, option

from weir.settings.options import Run
from weir.settings.options import command as make

DEFAULT_LISTEN = "127.0.0.1:8470"


@make("console")
@option("--listen", default=DEFAULT_LISTEN, show_default=True, metavar="ADDR:PORT", help="Where it listens.")
@option("--base-path", default="/", show_default=True, metavar="PATH", help="The path that a proxy in front of it serves it under.")
def command(run: Run, listen: str, base_path: str) -> None:
    """Serves the web console, and the HTTP API under /api/v1, over the tables of WEIR_CLICKHOUSE_URL."""
    from sinks.open import open_engine
    from weir.api.app import make_app
    from weir.api.server import serve
    from weir.api.tables import Tables
    from weir.output.stdout import write
    from weir.settings.targets import reading_url

    host, port = _address(listen)
    engine = open_engine(reading_url(run.settings()), read_only=True)
    try:
        write(f"The console: http://{listen}{base_path}")
        serve(make_app(Tables(engine), base_path), host, port)
    finally:
        engine.close()


def _address(listen: str) -> tuple[str, int]:
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdigit() or not 0 <= int(port) <= 65_535:
        raise BadParameter(f"{listen} is no address with a port: write one like {DEFAULT_LISTEN} or [::1]:8470.", param_hint="--listen")
    return host.removeprefix("[").removesuffix("]"), int(port)
