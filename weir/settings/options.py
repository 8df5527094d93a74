"""What all commands have in common: --config, --log-level, and how a setting reaches them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weir.logs import LEVELS, set_up_logging

if TYPE_CHECKING:
    from weir.settings.catalogue import Settings
    from weir.settings.sources import Loaded


CONFIG_HELP = "TOML file with settings; the environment goes before it."
LEVEL_HELP = "What stderr gets to see; debug shows tracebacks."


@dataclass(frozen=True)
class Run:
    """One run of a command: its common options."""

    config: Path | None
    log_level: str

    def load(self) -> Loaded:
        """The settings with their origins. Raises SettingError."""
        from weir.settings.sources import load_settings

        return load_settings(self.config)

    def settings(self) -> Settings:
        return self.load().settings

    def kafka_settings(self) -> Settings:
        """The settings of a command that needs Kafka. SettingError where none is named."""
        from weir.kafka.client import require_kafka

        return require_kafka(self.settings())


def command(name: str) -> Callable[[Callable[..., int | None]], click.Command]:
    """A click command with the common options; the function gets a `Run` first and may return an exit status."""

    def decorate(function: Callable[..., int | None]) -> click.Command:
        @wraps(function)
        def start(config: Path | None, log_level: str, **options: Any) -> int | None:
            set_up_logging(log_level)
            return function(Run(config, log_level), **options)

        common = (
            click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help=CONFIG_HELP),
            click.option("--log-level", type=click.Choice(LEVELS), default="info", show_default=True, help=LEVEL_HELP),
        )
        wrapped: Callable[..., int | None] = start
        for option in reversed(common):
            wrapped = option(wrapped)
        return click.command(name, context_settings={"help_option_names": ["--help"], "max_content_width": 110})(wrapped)

    return decorate
