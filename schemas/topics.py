"""The Kafka topics: what they are called, into how many partitions they are cut, and how long they keep."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

FLOWS_TOPIC = "weir.flows"
IP_EVENTS_TOPIC = "weir.ip-events"
OWNERSHIP_TOPIC = "weir.ownership"
ATTRIBUTED_TOPIC = "weir.attributed"
AGENT_CONFIG_TOPIC = "weir.agent-config"
DEAD_LETTER_TOPIC = "weir.dead-letter"
FINDINGS_TOPIC = "weir.findings"

REGION_NAME = re.compile(r"[A-Za-z0-9._-]{1,200}")
"""What may stand behind `weir.forward.`: Kafka allows no other characters in a topic's name, and 249 of them."""

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS


@dataclass(frozen=True)
class Topic:
    name: str
    partitions: int
    config: dict[str, str] = field(default_factory=dict)


def _kept(milliseconds: int) -> dict[str, str]:
    # Producers compress with zstd; brokers must keep what they get, not recompress it.
    return {"cleanup.policy": "delete", "retention.ms": str(milliseconds), "compression.type": "producer"}


_COMPACTED = {"cleanup.policy": "compact", "compression.type": "producer"}

TOPICS = (
    Topic(FLOWS_TOPIC, 8, _kept(24 * _HOUR_MS)),
    # Compacted and deleted: the last event of an address outlives neither the policy nor the address. One partition: a watcher's
    # watermark must be read behind what it stands for.
    Topic(IP_EVENTS_TOPIC, 1, {**_kept(24 * _HOUR_MS), "cleanup.policy": "compact,delete"}),
    # One partition: ranges and watermarks must reach every worker in one order.
    Topic(OWNERSHIP_TOPIC, 1, {**_COMPACTED, "min.cleanable.dirty.ratio": "0.2"}),
    Topic(ATTRIBUTED_TOPIC, 8, _kept(3 * _DAY_MS)),
    Topic(AGENT_CONFIG_TOPIC, 1, _COMPACTED),
    # One partition: who has it is the detector that leads, and changes stand in one order. Open findings are told anew each day.
    Topic(FINDINGS_TOPIC, 1, _kept(14 * _DAY_MS)),
    # A message as large as its topic takes, and the reason: it must not be refused here, or its worker would wait for ever.
    Topic(DEAD_LETTER_TOPIC, 1, {**_kept(14 * _DAY_MS), "max.message.bytes": "8000000"}),
)


def forward_name(region: str) -> str:
    return f"weir.forward.{region}"


def forward_topic(region: str) -> Topic:
    """Where flows wait that the given region knows the remote address of.

    They arrive when this Kafka says so: what counts for the hold is not the clock of the region that sent them.
    """
    return Topic(forward_name(region), 8, {**_kept(24 * _HOUR_MS), "message.timestamp.type": "LogAppendTime"})


def all_topics(flow_partitions: int = 8, regions: tuple[str, ...] = ()) -> tuple[Topic, ...]:
    """Every topic that a region's Kafka needs; `regions`: the region itself, where others forward flows to it."""
    sized = tuple(replace(topic, partitions=flow_partitions) if topic.name == FLOWS_TOPIC else topic for topic in TOPICS)
    return (*sized, *map(forward_topic, regions))
