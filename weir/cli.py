"""The `weir` program: finds the command, runs it, and turns errors into one sentence and a status.

Status 0: done; 1: it failed at run time; 2: the command line or a setting is wrong.
A command's module is loaded when it is asked for, and loads what it needs when it runs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

import click

from schemas.nearest import hint, nearest
from schemas.private_files import restrict_umask
from weir.failures import WRONG, report, tell
from weir.no_pandas import keep_pandas_out
from weir.output.stdout import ReaderGone, discard, occupy_standard_descriptors
from weir.signals import interrupt_on_sigterm

COMMANDS = (
    "demo",
    "agent",
    "worker",
    "watcher",
    "topics",
    "migrate",
    "recompute",
    "query",
    "console",
    "explain",
    "path",
    "paths",
    "health",
    "cost",
    "forecast",
    "segments",
    "findings",
    "detector",
    "tail",
    "record",
    "replay",
    "ip-events",
    "dead-letter",
    "doctor",
    "config",
)


class Commands(click.Group):
    """The commands by name, each imported on its first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"weir.commands.{cmd_name.replace('-', '_')}")
        loaded: click.Command = module.command
        return loaded

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS:
            near = [repr(name) for name in nearest(args[0], COMMANDS)]
            raise click.UsageError(f"weir has no command {args[0]!r}" + (f": {hint(near)}" if near else ""))
        return super().resolve_command(ctx, args)


@click.group(cls=Commands, no_args_is_help=False, invoke_without_command=True, context_settings={"max_content_width": 110})
@click.pass_context
def weir(context: click.Context) -> None:
    """Counts what flows between workloads in the kernel, names both ends, and lands every flow in ClickHouse once.

    Settings come from WEIR_* in the environment, then from the file that --config names, then from defaults; `weir config` shows them.
    Results go to stdout and everything else to stderr. Status: 0 done, 1 failed at run time, 2 wrong command line or setting.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(2)


def main() -> None:
    restrict_umask()
    occupy_standard_descriptors()
    keep_pandas_out()
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Runs one command line and returns its exit status."""
    interrupt_on_sigterm()
    try:
        return int(weir.main(list(arguments), prog_name="weir", standalone_mode=False) or 0)
    except (KeyboardInterrupt, click.Abort):
        return 0
    except ReaderGone:
        discard()  # `weir query | head`
        return 0
    except click.ClickException as error:
        tell(_usage_sentence(error))
        return WRONG
    except Exception as error:
        return report(error)


def _usage_sentence(error: click.ClickException) -> str:
    message = error.format_message().rstrip(".")
    command = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "weir"
    return message if message.endswith("?") else f"{message}: see `{command} --help`."


if __name__ == "__main__":
    main()
