"""What a run of the demo is to do, and the settings that its children get."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import SettingError
from schemas.private_files import private_directory
from weir.demo.address import free_address, read_address
from weir.settings.listening import Address
from weir.settings.paths import user_state_dir
from weir.settings.sources import Loaded

WINDOW_SECONDS = 1
HOLD_SECONDS = 3
GROUP = "weir"


@dataclass(frozen=True)
class DemoOptions:
    """The command line of `weir demo`."""

    duration: float | None  # seconds of counting; None: until told to stop
    data_dir: Path | None  # None: default_data_dir()
    traffic: bool
    cgroup: Path | None
    console: str | None  # where the console listens; None: there is none
    config: Path | None
    log_level: str


@dataclass(frozen=True)
class Plan:
    """Everything that is settled before the first child starts."""

    data_dir: Path
    bootstrap: str
    metrics_port: int
    window_seconds: int
    hold_seconds: int
    config: Path | None
    log_level: str
    console: Address | None

    @property
    def clickhouse_url(self) -> str:
        return f"chdb://{self.data_dir}"

    @property
    def metrics_url(self) -> str:
        return f"http://127.0.0.1:{self.metrics_port}/metrics"

    @property
    def echo(self) -> bool:
        return self.log_level == "debug"

    def arguments(self, *command: str) -> list[str]:
        """A child's command line: the command with the options that all commands share."""
        return child_arguments(self, *command)

    def worker_settings(self) -> dict[str, str]:
        return {**self._common(), "WEIR_METRICS_PORT": str(self.metrics_port), "WEIR_STATE_DIR": str(self.state_dir("worker"))}

    def agent_settings(self, name: str) -> dict[str, str]:
        return {**self._common(), "WEIR_METRICS_PORT": "0", "WEIR_STATE_DIR": str(self.state_dir(name))}

    def console_settings(self) -> dict[str, str]:
        return console_settings(self.clickhouse_url, self.state_dir("console"))

    def state_dir(self, name: str) -> Path:
        """Where one child keeps what it must not forget. Made here."""
        directory = self.data_dir / "demo" / name
        private_directory(directory)
        return directory

    def _common(self) -> dict[str, str]:
        """The demo's own Kafka and tables, whatever the user's settings say: those may belong to something real."""
        return {
            "WEIR_KAFKA_BOOTSTRAP": self.bootstrap,
            "WEIR_KAFKA_SECURITY_PROTOCOL": "",
            "WEIR_SCHEMA_REGISTRY_URL": "",
            "WEIR_FLOW_BATCH_VERSION": "",
            "WEIR_CLICKHOUSE_URL": self.clickhouse_url,
            "WEIR_REGION_CIDRS": "",
            "WEIR_REGION_KAFKA": "",
            "WEIR_GROUP": GROUP,
            "WEIR_METRICS_ADDRESS": "127.0.0.1",
            "WEIR_WINDOW_SECONDS": str(self.window_seconds),
            "WEIR_HOLD_SECONDS": str(self.hold_seconds),
        }


def console_settings(clickhouse_url: str, state_dir: Path) -> dict[str, str]:
    """The demo's tables, open on loopback, whatever the user's settings say."""
    return {
        "WEIR_CLICKHOUSE_URL": clickhouse_url,
        "WEIR_CLICKHOUSE_READ_URL": "",
        "WEIR_CONSOLE_ACCESS": "",
        "WEIR_CONSOLE_BASE_PATH": "",
        "WEIR_CONSOLE_VIEWS": str(state_dir / "views.sqlite"),
    }


def child_arguments(options: DemoOptions | Plan, *command: str) -> list[str]:
    """The command with the options that all commands share."""
    config = ["--config", str(options.config.resolve())] if options.config else []
    return [*command, "--log-level", options.log_level if options.log_level == "debug" else "info", *config]


def make_plan(options: DemoOptions, loaded: Loaded, bootstrap: str) -> Plan:
    """The plan, with the demo's short window and hold where the user has not chosen others."""
    settings, origins = loaded.settings, loaded.origins
    return Plan(
        data_dir=data_dir(options),
        bootstrap=bootstrap,
        metrics_port=free_port(),
        window_seconds=WINDOW_SECONDS if origins["window_seconds"] == "default" else settings.window_seconds,
        hold_seconds=HOLD_SECONDS if origins["hold_seconds"] == "default" else settings.hold_seconds,
        config=options.config.resolve() if options.config else None,
        log_level=options.log_level,
        console=free_address(read_address(options.console)) if options.console else None,
    )


def check_options(options: DemoOptions) -> None:
    """Raises SettingError for what cannot be meant."""
    if options.duration is not None and not options.duration > 0:
        raise SettingError(f"--duration {options.duration:g} is no time to count in: give a number of seconds above 0.")
    if options.console:
        read_address(options.console)
    if options.traffic and options.cgroup is not None:
        raise SettingError(f"--cgroup {options.cgroup} is not where the demo's own traffic is: add --no-traffic to watch that cgroup.")


def data_dir(options: DemoOptions) -> Path:
    """Where the tables are: --data-dir, or a place that every run of this user adds to."""
    return (options.data_dir or user_state_dir() / "demo").resolve()


def free_port() -> int:
    """A loopback port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port
