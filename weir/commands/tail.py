"""`weir tail`: follows the attributed topic."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from click import Choice, IntRange, option

from weir.output.stdout import write
from weir.settings.options import Run
from weir.settings.options import command as make

if TYPE_CHECKING:
    from weir.settings.catalogue import Settings

log = logging.getLogger(__name__)
INSTANTS = ("window_start", "first_seen", "last_seen")
COLUMNS = "{:<20} {:<24} {:<24} {:<8} {:>5} {:>12} {:>12} {:>6} {:>6} {}"
HEADINGS = ("window", "local", "remote", "role", "port", "sent", "received", "opened", "failed", "protocol")


@make("tail")
@option("-q", "--filter", "written", metavar="FILTER", default="", help="Only flows that the filter lets through: client=web failed>0.")
@option("--format", "form", type=Choice(("table", "json")), default="table", show_default=True, help="json is one flow a line.")
@option("--from-beginning", is_flag=True, help="Start with what the topic still keeps; absent: with what comes from now on.")
@option("--count", type=IntRange(min=1), metavar="N", help="End after N flows; absent: on Ctrl-C.")
def command(run: Run, form: str, from_beginning: bool, count: int | None, written: str) -> None:
    """Follows weir.attributed: every flow with both ends named, from both sides, as workers publish it.

    Sums in a filter (docs/filter.md) speak of each flow by itself here.
    """
    let_through = _filter(written)
    settings = run.kafka_settings()
    from weir.signals import stop_on_signals

    flows = islice(filter(let_through, _flows(settings, stop_on_signals(), from_beginning)), count)
    if form == "table":
        write(COLUMNS.format(*HEADINGS))
    for flow in flows:
        write(_line(flow) if form == "table" else _json(flow))


def _filter(written: str) -> Callable[[dict[str, Any]], bool]:
    if not written.strip():
        return lambda flow: True
    from sinks.filter.rows import matches
    from sinks.queries.published import fields_of
    from weir.query_options import read_filter

    tree = read_filter(written)
    return lambda flow: matches(tree, fields_of(flow))


def _flows(settings: Settings, stop: threading.Event, from_beginning: bool) -> Iterator[dict[str, Any]]:
    from schemas.errors import Unreadable
    from schemas.topics import ATTRIBUTED_TOPIC
    from weir.kafka.follow import follow
    from weir.kafka.framer import open_framer

    framer = open_framer(settings)
    for message in follow(settings, ATTRIBUTED_TOPIC, stop, from_beginning=from_beginning):
        try:
            yield from _decode(framer, message)
        except Unreadable as error:
            log.warning("left out a message: %s", error)


def _decode(framer: Any, message: bytes) -> list[dict[str, Any]]:
    """The rows of one message, by the schema that it was written with: a newer worker's extra columns are shown too."""
    from schemas.errors import Unreadable
    from schemas.instants import format_instant
    from schemas.wire.codec import decode_as_written

    framed = framer.unframe(message)
    if framed.name != "AttributedFlows":
        raise Unreadable(f"A message of weir.attributed holds a {framed.name}, not AttributedFlows.")
    rows: list[dict[str, Any]] = decode_as_written(framed)["flows"]
    for row in rows:
        row.update({name: format_instant(row[name]) for name in INSTANTS})
    return rows


def _json(flow: dict[str, Any]) -> str:
    import orjson

    return orjson.dumps(flow).decode()


def _line(flow: dict[str, Any]) -> str:
    from weir.output.tables import printable

    local, remote = (printable(flow[f"{side}_workload"] or flow[f"{side}_ip"]) for side in ("local", "remote"))
    counters = (flow[name] for name in ("bytes_sent", "bytes_received", "connections_opened", "connections_failed"))
    return COLUMNS.format(flow["window_start"], local, remote, flow["role"], flow["service_port"], *counters, flow["protocol"])
