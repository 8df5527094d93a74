"""Recordings: flows, heartbeats, losses and address events as JSON lines, turned into batches.

Lines of one node, epoch, window, network and region gather in a group until it is as large as a batch may
be, so that interleaved nodes and windows still make large batches. All groups together hold a bounded
number of items; beyond it the group that was opened first becomes batches, whatever its size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import orjson

from schemas.addresses import parse_address
from schemas.errors import Unreadable
from schemas.instants import parse_instant
from schemas.names import check_name, check_names
from schemas.protocols import parse_protocol
from schemas.recording.fields import check_fields, check_line, text, whole
from schemas.recording.groups import Group, HeartbeatRow, Place
from schemas.records.flow_batch import FlowBatch, Loss
from schemas.records.ip_event import IpEvent
from schemas.records.validation import check_instant, check_ip_event, check_loss, check_window

BATCH_ITEMS = 2_000
OPEN_ITEMS = 100_000

Row = dict[str, Any]


@dataclass(frozen=True)
class Refusal:
    """A line that was not used, and why, in one sentence."""

    line: int  # counted from 1
    reason: str


def read_recording(
    lines: Iterable[bytes | str],
    refused: Callable[[Refusal], None],
    *,
    region: str = "default",
    network: str = "default",
    batch_items: int = BATCH_ITEMS,
    open_items: int = OPEN_ITEMS,
) -> Iterator[FlowBatch | IpEvent]:
    """Batches and events of the lines. `region` and `network` stand where a line names none.

    Within a window the flows keep their order; windows and events may overtake each other. A line that
    cannot be used is passed to `refused`, sometimes later than lines that follow it, and the others go on.
    """
    reader = _Reader(refused, region, network, batch_items, open_items)
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield from reader.take(number, line) or ()
    yield from reader.close()


class _Reader:
    def __init__(self, refused: Callable[[Refusal], None], region: str, network: str, batch_items: int, open_items: int) -> None:
        self._refused = refused
        self._region = region
        self._network = network
        self._batch_items = batch_items
        self._open_items = open_items
        self._groups: dict[tuple[Any, ...], Group] = {}  # in the order of their opening
        self._held = 0
        self._seq = count()
        self._known: set[tuple[str, tuple[str, ...]]] = set()  # kinds with sets of fields that have been checked

    def take(self, number: int, line: bytes | str) -> Iterable[FlowBatch | IpEvent] | None:
        """What the line completes, None for most."""
        try:
            row, kind, names = self._parse(line)
            if kind == "ip_event":
                return (_ip_event(row, self._network),)
            key, group = self._group(row)
            before = group.items
            _ADD[kind](group, number, row, names)
        except Unreadable as error:
            self._refused(Refusal(number, str(error)))
            return None
        self._groups[key] = group  # only now: a refused line opens nothing
        self._held += group.items - before
        if group.items >= self._batch_items:
            return self._close_group(key)
        return self._make_room() if self._held > self._open_items else None

    def _make_room(self) -> Iterator[FlowBatch]:
        while self._held > self._open_items:
            yield from self._close_group(next(iter(self._groups)))

    def close(self) -> Iterator[FlowBatch]:
        for key in list(self._groups):
            yield from self._close_group(key)

    def _parse(self, line: bytes | str) -> tuple[Row, str, tuple[str, ...]]:
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise Unreadable(f"The line is not JSON ({error}); write one JSON object a line.") from None
        if not isinstance(row, dict):
            raise Unreadable("The line is JSON, but no object; write one JSON object a line.")
        kind, names = row.get("kind"), tuple(row)
        if not isinstance(kind, str):
            raise Unreadable("The line has no kind; add one of flow, heartbeat, loss and ip_event.")
        if (kind, names) not in self._known:
            check_line(kind, names)
            if len(self._known) < 10_000:
                self._known.add((kind, names))
        return row, kind, names

    def _group(self, row: Row) -> tuple[tuple[Any, ...], Group]:
        # Not by value alone: true, 1 and 1.0 are equal, and only one of them is an epoch.
        epoch, seconds = row["epoch"], row["window_seconds"]
        key = (
            row["node_id"],
            epoch,
            row["window_start"],
            seconds,
            row.get("network", self._network),
            row.get("region", self._region),
            type(epoch),
            type(seconds),
        )
        try:
            group = self._groups.get(key)
        except TypeError:  # a list or an object: whatever it is, _place says so
            group = None
        if group is None:
            group = Group(_place(row, self._network, self._region))
        return key, group

    def _close_group(self, key: tuple[Any, ...]) -> Iterator[FlowBatch]:
        group = self._groups.pop(key)
        self._held -= group.items
        yield from group.batches(self._batch_items, self._seq.__next__, lambda line, reason: self._refused(Refusal(line, reason)))


def _place(row: Row, network: str, region: str) -> Place:
    place = Place(
        text(row, "node_id"),
        whole(row, "epoch"),
        parse_instant(text(row, "window_start")),
        whole(row, "window_seconds"),
        text(row, "network", network),
        text(row, "region", region),
    )
    if not place.node_id:
        raise Unreadable("node_id is empty; name the node.")
    check_names("node_id, network or region", (place.node_id, place.network, place.region))
    check_window(place.window_start_us, place.window_seconds)
    return place


def _add_flow(group: Group, number: int, row: Row, names: tuple[str, ...]) -> None:
    if "local_zone" in row:
        _tell(group, "zone", text(row, "local_zone"))
    group.add_flow(number, names, tuple(row.values()))


def _add_heartbeat(group: Group, _number: int, row: Row, _names: tuple[str, ...]) -> None:
    addresses = row["addresses"]
    if not isinstance(addresses, list) or not all(isinstance(item, dict) for item in addresses):
        raise Unreadable("addresses is no list of objects; write one object with ip and workload for each address.")
    rows = [_heartbeat(item, group.place) for item in addresses]
    for name in ("zone", "agent_version", "config_version"):
        if name in row:
            _tell(group, name, text(row, name))
    group.add_heartbeats(rows)


def _tell(group: Group, name: str, said: str) -> None:
    """What a line says of its node; a window has one word of it."""
    before = group.about.get(name, "")
    if said and before and said != before:
        raise Unreadable(f"{name} is {ascii(said)[:60]}, but {ascii(before)[:60]} on another line of this node and window; choose one.")
    check_name(name, said)
    group.about[name] = said or before


def _heartbeat(item: Row, place: Place) -> HeartbeatRow:
    check_fields("address", tuple(item))
    start, end = place.window_us
    start = parse_instant(text(item, "start")) if "start" in item else start
    end = parse_instant(text(item, "end")) if "end" in item else end
    check_instant("An address's start", start)
    check_instant("An address's end", end)
    if end < start:
        raise Unreadable(f"An address ends at {item.get('end', 'the end of the window')}, before its start; swap them.")
    workload = text(item, "workload")
    check_name("workload", workload)
    port = whole(item, "port", limit=2**16)
    if port and "protocol" not in item:
        raise Unreadable(f"Port {port} of an address has no protocol; add tcp or udp.")
    protocol = parse_protocol(item.get("protocol", 0))
    return parse_address(text(item, "ip")), workload, port, protocol if port else 0, start, end


def _add_loss(group: Group, _number: int, row: Row, _names: tuple[str, ...]) -> None:
    counts = {name: whole(row, name) for name in ("flows", "packets", "bytes", "id")}
    loss = Loss(group.place.window_start_us, text(row, "stage"), text(row, "reason"), **counts)
    check_loss(loss)
    group.add_loss(loss)


_ADD: dict[str, Callable[[Group, int, Row, tuple[str, ...]], None]] = {
    "flow": _add_flow,
    "heartbeat": _add_heartbeat,
    "loss": _add_loss,
}


def _ip_event(row: Row, network: str) -> IpEvent:
    said = text(row, "event")
    if said not in ("assigned", "unassigned"):
        raise Unreadable(f"event is {ascii(said)[:60]}; it must be assigned or unassigned.")
    address, at_us = parse_address(text(row, "ip")), parse_instant(text(row, "at"))
    event = IpEvent(text(row, "network", network), address, text(row, "workload"), said == "assigned", at_us)
    check_ip_event(event)
    return event
