"""`weir demo --scale`: writes the recording, shows it in the console, and lets it go on until it is told to stop."""

from __future__ import annotations

import shutil
import threading
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from schemas.errors import SettingError
from schemas.private_files import private_directory
from sinks.clickhouse import ClickHouseSink
from sinks.engines.directory import DirectoryLock
from sinks.open import open_engine
from weir.demo.address import free_address, read_address, url_of
from weir.demo.children import Child
from weir.demo.console import await_console, start_console
from weir.demo.plan import DemoOptions, child_arguments, console_settings
from weir.demo.scale import story as told
from weir.demo.scale.calls import EDGES
from weir.demo.scale.detecting import Detecting
from weir.demo.scale.fleet import workloads
from weir.demo.scale.recording import WINDOW_S, Recording
from weir.demo.scale.story import Story
from weir.demo.screen import Screen, open_screen
from weir.demo.summary import program
from weir.settings.paths import remember_data_dir, user_state_dir
from weir.signals import stop_on_signals

MARK = "recording-of-scale"
"""The file by which a directory is known to hold nothing but such a recording."""
PRICES = "aws"
"""The price table by which the made-up day is reckoned."""


def run_scale(options: DemoOptions) -> None:
    """Runs until the duration is over or a signal comes. Raises SettingError for a directory that has something else in it."""
    address = free_address(read_address(options.console)) if options.console else None
    directory = (options.data_dir or user_state_dir() / "scale").resolve()
    stop, screen = stop_on_signals(), open_screen()
    began = time.monotonic()
    make_empty(directory)
    screen.say(f"weir demo --scale: {len(workloads()):,} workloads and {EDGES:,} edges over a day are written into {directory} ...")
    with ExitStack() as stack:
        engine = open_engine(f"chdb://{directory}")
        stack.callback(engine.close)
        ClickHouseSink(engine).migrate()
        story = Story(int(time.time()) // WINDOW_S * WINDOW_S)
        recording = Recording(engine, story)
        recording.write()
        remember_data_dir(directory)
        console = None
        if address:
            settings = {**console_settings(f"chdb://{directory}", directory), "WEIR_PRICES_FILE": PRICES}
            console = start_console(address, child_arguments(options, "console"), settings, options.log_level == "debug")
            stack.callback(console.close)
            await_console(console, address, stop)
            screen.locate(url_of(address))
        detecting = Detecting(engine, story)
        stack.callback(detecting.close)
        detecting.start()
        screen.say(f"Written in {time.monotonic() - began:.0f} s. What happened in it (UTC):")
        for line in account(story):
            screen.say(f"  {line}")
        _go_on(recording, console, options.duration, screen, stop)
    screen.say(f"The tables stay in {directory}: `{program()} console` shows them again, as they are now.")


def make_empty(directory: Path) -> None:
    """A new directory, or one that held such a recording: each begins anew, because it ends now. Raises Held where it is still shown."""
    if directory.is_dir() and any(directory.iterdir()):
        if not (directory / MARK).exists():
            raise SettingError(f"--data-dir {directory} holds something else than a recording of --scale: name an empty or a new one.")
        DirectoryLock(directory).release()
        shutil.rmtree(directory)
    private_directory(directory)
    (directory / MARK).touch(mode=0o600)


def account(story: Story) -> tuple[str, ...]:
    """What there is to find, a line each, and the page of the console that shows it."""
    ports, servers = len(told.SCANNED_PORTS), told.SCANNED_SERVERS
    deployed = f"{told.DEPLOYED} {told.NEW_VERSION} is deployed"
    return (
        f"{_clock(story.deploy_s)}  {deployed}: it calls {told.NEW_SERVER}, and {told.OLD_SERVER} no more  [Map, against -8h]",
        f"{_clock(story.scan.start_s)}  {told.SCANNER} tries {ports} ports of {servers} workloads, for 10 minutes  [Security, last 6 h]",
        f"{_clock(story.outage.start_s)}  {told.BROKEN} refuses all connections, for 20 minutes  [Health, last 1 h]",
        f"{_clock(story.silence_s)}  {told.SILENT} falls silent  [Truth]",
        f"all day  {told.SLOW} waits a third of a second for {told.SLOW_SERVER}  [Map, q workload={told.SLOW}]",
    )


def _go_on(recording: Recording, console: Child | None, duration: float | None, screen: Screen, stop: threading.Event) -> None:
    """Writes each window when it has ended."""
    until = "Ctrl-C ends it" if duration is None else f"for {duration:g} s"
    screen.say(f"It goes on, in windows of {WINDOW_S} s, {until}.")
    deadline = None if duration is None else time.monotonic() + duration
    while not stop.is_set() and (deadline is None or time.monotonic() < deadline):
        if console:
            console.check()
        recording.go_on(int(time.time()))
        pause = WINDOW_S - time.time() % WINDOW_S + 0.1
        stop.wait(pause if deadline is None else min(pause, max(0.0, deadline - time.monotonic())))


def _clock(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%H:%M")
