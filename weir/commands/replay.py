"""`weir replay`: publishes a recording as agents would have."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from click import FloatRange, argument, option

from weir.output.stdout import write
from weir.settings.options import Run
from weir.settings.options import command as make

if TYPE_CHECKING:
    from schemas.recording.read import Refusal
    from schemas.records.flow_batch import FlowBatch
    from schemas.records.ip_event import IpEvent
    from weir.settings.catalogue import Settings


@make("replay")
@argument("file", metavar="FILE")
@option(
    "--speed",
    type=FloatRange(min=0),
    default=1.0,
    show_default=True,
    metavar="N",
    help="1: as recorded; 10: ten times as fast; 0: as fast as possible.",
)
def command(run: Run, file: str, speed: float) -> int:
    """Publishes the recording FILE: flows, heartbeats and losses to weir.flows, address events to weir.ip-events.

    '-' is stdin, which is read to its end or as far as batches fill. At speed 0 a file's heartbeats and address events go
    before its flows, so that owners are known in time. A line that cannot be used is refused with its number and the reason,
    and the others go on; the status is 1 only if no line could be used, or if Kafka acknowledges nothing for 60 s. Playing a
    recording again changes no table. Flows without region or network get WEIR_REGION and WEIR_NETWORK.
    """
    settings = run.kafka_settings()
    from weir.kafka.acknowledged import Outbox
    from weir.kafka.framer import open_framer
    from weir.kafka.topics import create_topics
    from weir.recording.lines import check_readable
    from weir.recording.playback import paced
    from weir.recording.publishing import LastWords, Tally, publish, say_last_words
    from weir.signals import stop_on_signals

    check_readable(file)
    create_topics(settings)
    stop, tally, framer, words = stop_on_signals(), Tally(), open_framer(settings), LastWords()
    with closing(Outbox(settings)) as outbox:
        for items in _passes(file, speed, settings, tally.refuse, stop):
            publish(paced(items, speed, stop) if speed else items, outbox, framer, tally, words)
            outbox.wait()
        if not stop.is_set():
            say_last_words(words, outbox, framer)
            outbox.wait()
    write(f"replayed {tally}")
    return 1 if tally.nothing_usable and not stop.is_set() else 0


def _passes(
    file: str, speed: float, settings: Settings, refused: Callable[[Refusal], None], stop: threading.Event
) -> Iterator[Iterable[FlowBatch | IpEvent]]:
    """The recording's items: at once, or first what tells of owners and then the rest."""
    from schemas.recording.read import read_recording
    from weir.recording.lines import read_lines
    from weir.recording.playback import only_early, only_late

    twice = speed == 0 and Path(file).is_file()
    for chosen in (only_early, only_late) if twice else (iter,):
        lines: Iterable[bytes] = chosen(read_lines(file, stop))
        yield read_recording(lines, refused, region=settings.region, network=settings.network, batch_items=settings.batch_flows)
