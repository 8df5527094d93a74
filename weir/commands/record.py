"""`weir record`: writes what agents publish to a recording."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from itertools import islice
from typing import TYPE_CHECKING, Any

from click import FloatRange, IntRange, argument, option

from weir.output.stdout import write, write_bytes
from weir.settings.options import Run
from weir.settings.options import command as make

if TYPE_CHECKING:
    from weir.settings.catalogue import Settings

log = logging.getLogger(__name__)


@make("record")
@argument("file", metavar="FILE")
@option("--from-beginning", is_flag=True, help="Start with what the topic still keeps; absent: with what comes from now on.")
@option("--duration", type=FloatRange(min=0, min_open=True), metavar="S", help="End after S seconds; absent: on Ctrl-C.")
@option("--count", type=IntRange(min=1), metavar="N", help="End after N lines.")
def command(run: Run, file: str, from_beginning: bool, duration: float | None, count: int | None) -> None:
    """Writes flows, heartbeats and losses from weir.flows to FILE as JSON lines, for `weir replay`. '-' is stdout.

    An existing FILE is replaced.
    """
    settings = run.kafka_settings()
    from weir.signals import stop_on_signals

    stop = stop_on_signals()
    with _open(file) as out:
        timer = _stop_after(duration, stop)
        written = 0
        for line in islice(_lines(settings, stop, from_beginning), count):
            out.write(line)
            written += 1
        timer.cancel()
    if file != "-":
        write(f"recorded {written} lines to {file}")


def _lines(settings: Settings, stop: threading.Event, from_beginning: bool) -> Iterator[bytes]:
    from schemas.errors import Unreadable
    from schemas.recording.write import format_batch
    from schemas.topics import FLOWS_TOPIC
    from schemas.wire.codec import decode_batch
    from weir.kafka.follow import follow
    from weir.kafka.framer import open_framer

    framer = open_framer(settings)
    for message in follow(settings, FLOWS_TOPIC, stop, from_beginning=from_beginning):
        try:
            framed = framer.unframe(message)
            batch = decode_batch(framed.body, framed.writer)
        except Unreadable as error:
            log.warning("left out a message: %s", error)
            continue
        yield from format_batch(batch)


def _open(file: str) -> Any:
    from schemas.errors import SettingError

    if file == "-":
        return nullcontext(_Stdout())
    try:
        return open(file, "wb")
    except OSError as error:
        raise SettingError(f"FILE {file} cannot be written ({error.strerror}): give another path.") from error


class _Stdout:
    """Standard output, line by line: somebody may be following."""

    def write(self, line: bytes) -> None:
        write_bytes(line)


def _stop_after(seconds: float | None, stop: threading.Event) -> threading.Timer:
    timer = threading.Timer(threading.TIMEOUT_MAX if seconds is None else seconds, stop.set)
    timer.daemon = True
    if seconds is not None:
        timer.start()
    return timer
