"""Recordings to Kafka: batches to weir.flows, address events to weir.ip-events; what cannot be used is told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from schemas.addresses import format_address
from schemas.codec import encode_batch, encode_ip_event
from schemas.columns import FlowBatch
from schemas.events import IpEvent
from schemas.recording import Refusal
from schemas.topics import FLOWS_TOPIC, IP_EVENTS_TOPIC
from weir.failures import tell

if TYPE_CHECKING:
    from schemas.framing import Framer
    from weir.outbox import Outbox

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


def publish(items: Iterable[FlowBatch | IpEvent], outbox: Outbox, framer: Framer, tally: Tally) -> None:
    """Sends every item. Raises Unavailable."""
    for item in items:
        if isinstance(item, IpEvent):
            key = f"{item.network}/{format_address(item.ip)}".encode()
            outbox.send(IP_EVENTS_TOPIC, key, framer.frame("IpEvent", encode_ip_event(item)))
            tally.ip_events += 1
        else:
            outbox.send(FLOWS_TOPIC, item.node_id.encode(), framer.frame("FlowBatch", encode_batch(item)))
            tally.batches += 1
            tally.flows += len(item.flows)
            tally.heartbeats += len(item.heartbeats)
            tally.losses += len(item.losses)
