"""`weir ip-events`: publishes what a cloud's address book said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing

from click import argument

from weir.output.stdout import write
from weir.settings.options import Run
from weir.settings.options import command as make


@make("ip-events")
@argument("file", metavar="FILE")
def command(run: Run, file: str) -> int:
    """Publishes the assigned and unassigned events of the recording FILE to weir.ip-events. '-' is stdin.

    Flows, heartbeats and losses in it are left out. A line that cannot be used is refused with its number and the reason; the
    status is 1 only if no line could be used, or if Kafka acknowledges nothing for 60 s.
    """
    settings = run.kafka_settings()
    from schemas.recording.read import read_recording
    from weir.kafka.acknowledged import Outbox
    from weir.kafka.framer import open_framer
    from weir.kafka.topics import create_topics
    from weir.recording.lines import check_readable, read_lines
    from weir.recording.publishing import LastWords, Tally, publish
    from weir.signals import stop_on_signals

    check_readable(file)
    create_topics(settings)
    stop, tally = stop_on_signals(), Tally()
    items = read_recording(_without_windows(read_lines(file, stop)), tally.refuse, region=settings.region, network=settings.network)
    with closing(Outbox(settings)) as outbox:
        publish(items, outbox, open_framer(settings), tally, LastWords())
        outbox.wait()
    write(f"published {tally.ip_events} ip events, {tally.refused} lines refused")
    return 1 if tally.nothing_usable and not stop.is_set() else 0


def _without_windows(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Lines that speak of windows are blanked, so that line numbers stay."""
    import orjson

    for line in lines:
        try:
            kind = orjson.loads(line)["kind"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            kind = None  # refused with its number later
        yield b"" if kind in ("flow", "heartbeat", "loss") else line
