"""Recordings to Kafka: batches to weir.flows, address events to weir.ip-events; unusable lines are reported."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from schemas.addresses import format_address
from schemas.recording.read import Refusal
from schemas.records.flow_batch import FlowBatch, empty_flows, empty_heartbeats
from schemas.records.ip_event import IpEvent
from schemas.topics import FLOWS_TOPIC, IP_EVENTS_TOPIC
from schemas.wire.codec import encode_batch, encode_ip_event
from weir.failures import tell

if TYPE_CHECKING:
    from schemas.wire.framing import Framer
    from weir.kafka.acknowledged import Outbox

SHOWN_REFUSALS = 20


@dataclass
class Tally:
    """What a recording held, and what was done with it."""

    batches: int = 0
    flows: int = 0
    heartbeats: int = 0
    losses: int = 0
    ip_events: int = 0
    refused: int = 0
    _kinds: tuple[str, ...] = field(default=("batches", "flows", "heartbeats", "losses", "ip_events"), repr=False)

    def refuse(self, refusal: Refusal) -> None:
        """Says which line and why, for the first few; all are counted."""
        self.refused += 1
        if self.refused <= SHOWN_REFUSALS:
            tell(f"line {refusal.line}: {refusal.reason}")
        elif self.refused == SHOWN_REFUSALS + 1:
            tell("More lines are refused; they are counted and not shown.")

    @property
    def nothing_usable(self) -> bool:
        return self.refused > 0 and not (self.batches or self.ip_events)

    def __str__(self) -> str:
        said = ", ".join(f"{getattr(self, kind)} {kind.replace('_', ' ')}" for kind in self._kinds)
        return f"{said}, {self.refused} lines refused"


class LastWords:
    """What every node of a recording says once the recording is over: "that was my last window, and nothing is to follow".

    Workers name a window's flows when all nodes have reported beyond it. A live agent does that with its next window; without
    a last word, a recording's last window would wait for the hold. It is an empty batch of the window after the last.
    """

    def __init__(self) -> None:
        self._newest: dict[str, FlowBatch] = {}

    def note(self, batch: FlowBatch) -> None:
        newest = self._newest.get(batch.node_id)
        if newest is None or newest.window_end_us < batch.window_end_us:
            nothing = replace(batch, flows=empty_flows(), heartbeats=empty_heartbeats(), losses=(), workloads=())
            self._newest[batch.node_id] = nothing

    def batches(self) -> Iterator[FlowBatch]:
        for newest in self._newest.values():
            yield replace(newest, window_start_us=newest.window_end_us, seq=newest.seq + 1)


def say_last_words(words: LastWords, outbox: Outbox, framer: Framer) -> None:
    """Raises Unavailable."""
    for batch in words.batches():
        outbox.send(FLOWS_TOPIC, batch.node_id.encode(), _framed(batch, framer))


def publish(items: Iterable[FlowBatch | IpEvent], outbox: Outbox, framer: Framer, tally: Tally, words: LastWords) -> None:
    """Sends every item. Raises Unavailable."""
    for item in items:
        if isinstance(item, IpEvent):
            key = f"{item.network}/{format_address(item.ip)}".encode()
            outbox.send(IP_EVENTS_TOPIC, key, framer.frame("IpEvent", encode_ip_event(item)))
            tally.ip_events += 1
        else:
            outbox.send(FLOWS_TOPIC, item.node_id.encode(), _framed(item, framer))
            words.note(item)
            tally.batches += 1
            tally.flows += len(item.flows)
            tally.heartbeats += len(item.heartbeats)
            tally.losses += len(item.losses)


def _framed(batch: FlowBatch, framer: Framer) -> bytes:
    return framer.frame("FlowBatch", encode_batch(batch, framer.writes("FlowBatch")))
