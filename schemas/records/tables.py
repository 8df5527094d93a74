"""The rows that workers hand to the sink and to the downstream topic, as Arrow schemas named by the contract.

Imported by workers only: an agent must not pay for Arrow.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa

NAME = pa.dictionary(pa.int32(), pa.string())
INSTANT = pa.timestamp("us", tz="UTC")
ADDRESS = pa.binary(16)
SAMPLES = pa.list_(pa.field("item", pa.uint32(), nullable=False))
"""A histogram: samples by bucket, up to the last that has any."""

FLOWS = pa.schema(
    [
        ("window_start", INSTANT),
        ("window_seconds", pa.uint16()),
        ("first_seen", INSTANT),
        ("last_seen", INSTANT),
        ("region", NAME),
        ("network", NAME),
        ("node_id", NAME),
        ("epoch", pa.uint64()),
        ("protocol", NAME),
        ("role", NAME),
        ("local_ip", ADDRESS),
        ("remote_ip", ADDRESS),
        ("service_port", pa.uint16()),
        ("local_workload", NAME),
        ("remote_workload", NAME),
        ("remote_source", NAME),
        ("remote_reason", NAME),
        ("canonical", pa.bool_()),
        ("bytes_sent", pa.uint64()),
        ("bytes_received", pa.uint64()),
        ("packets_sent", pa.uint64()),
        ("packets_received", pa.uint64()),
        ("payload_bytes_sent", pa.uint64()),
        ("payload_bytes_received", pa.uint64()),
        ("connections_opened", pa.uint32()),
        ("connections_closed", pa.uint32()),
        ("connections_failed", pa.uint32()),
        ("connections_reset", pa.uint32()),
        ("retransmits", pa.uint32()),
        ("rtt_us_sum", pa.uint64()),
        ("rtt_us_max", pa.uint32()),
        ("rtt_count", pa.uint32()),
        ("connections_refused", pa.uint32()),
        ("connections_timed_out", pa.uint32()),
        ("partition", pa.uint32()),
        ("first_offset", pa.uint64()),
        ("topic", NAME),
        ("local_zone", NAME),
        ("remote_zone", NAME),
        ("remote_region", NAME),
        ("remote_node_id", NAME),
        ("remote_service", NAME),
        ("remote_domain", NAME),
        ("registrable_domain", NAME),
        ("rtt_histogram", SAMPLES),
        ("connect_histogram", SAMPLES),
    ]
)

LOSSES = pa.schema(
    [
        ("window_start", INSTANT),
        ("node_id", NAME),
        ("epoch", pa.uint64()),
        ("stage", NAME),
        ("reason", NAME),
        ("flows", pa.uint64()),
        ("packets", pa.uint64()),
        ("bytes", pa.uint64()),
        ("messages", pa.uint64()),
        ("id", pa.uint64()),
        ("partition", pa.uint32()),
        ("first_offset", pa.uint64()),
        ("topic", NAME),
    ]
)

OWNERSHIP = pa.schema(
    [
        ("network", NAME),
        ("ip", ADDRESS),
        ("port", pa.uint16()),
        ("protocol", NAME),
        ("workload", NAME),
        ("start", INSTANT),
        ("end", INSTANT),
        ("source", NAME),
        ("node_id", NAME),
        ("chain", pa.uint64()),
        ("ended", pa.uint8()),
    ]
)
"""`chain` 0: the range goes on up to `end` and no further. Otherwise as far as the rests of the chain, unless it has `ended`."""

RESTS = pa.schema(
    [
        ("network", NAME),
        ("node_id", NAME),
        ("chain", pa.uint64()),
        ("start", INSTANT),
        ("end", INSTANT),
        ("late", pa.uint32()),
    ]
)
"""Up to `end`, all ranges of the chain went on that have not ended. `late`: so many seconds later at least each batch of it was applied."""

NODES = pa.schema(
    [
        ("node_id", NAME),
        ("zone", NAME),
        ("region", NAME),
        ("agent_version", NAME),
        ("config_version", NAME),
        ("first_seen", INSTANT),
        ("last_seen", INSTANT),
    ]
)
"""What batches say of the node that sent them, from `first_seen` to `last_seen`. The same row any number of times is one."""

IP_EVENTS = pa.schema(
    [
        ("network", NAME),
        ("ip", ADDRESS),
        ("at", INSTANT),
        ("assigned", pa.bool_()),
        ("workload", NAME),
    ]
)

NAMES = pa.list_(pa.field("item", pa.string(), nullable=False))
LABELS = pa.map_(pa.string(), pa.string())

SERVICE_STATEMENTS = pa.schema(
    [
        ("network", NAME),
        ("ip", ADDRESS),
        ("protocol", NAME),
        ("port", pa.uint16()),
        ("service", NAME),
        ("workloads", NAMES),
        ("since", INSTANT),
        ("watcher", NAME),
    ]
)
"""Without a protocol: of a node's address."""

WATCHER_WATERMARKS = pa.schema(
    [
        ("network", NAME),
        ("watcher", NAME),
        ("since", INSTANT),
        ("until", INSTANT),
    ]
)

WORKLOAD_STATES = pa.schema(
    [
        ("network", NAME),
        ("name", NAME),
        ("kind", NAME),
        ("namespace", NAME),
        ("labels", LABELS),
        ("exists", pa.bool_()),
        ("at", INSTANT),
    ]
)

NODE_LABELS = pa.schema(
    [
        ("node_id", NAME),
        ("zone", NAME),
        ("region", NAME),
        ("labels", LABELS),
        ("first_seen", INSTANT),
        ("last_seen", INSTANT),
    ]
)
"""Beside `NODES`: what a cluster says of a node, at one instant."""

BATCHES = pa.schema(
    [
        ("node_id", NAME),
        ("epoch", pa.uint64()),
        ("window_start", INSTANT),
        ("window_seconds", pa.uint16()),
        ("batch_index", pa.uint32()),
        ("batch_count", pa.uint32()),
        ("partition", pa.uint32()),
        ("first_offset", pa.uint64()),
        ("topic", NAME),
    ]
)
"""The ledger of applied batches of known windows: what a worker rebuilds its dedup state from."""

FINDINGS = pa.schema(
    [
        ("id", pa.string()),
        ("kind", NAME),
        ("network", NAME),
        ("subject", NAME),
        ("peer", NAME),
        ("service_port", pa.uint16()),
        ("state", NAME),
        ("severity", NAME),
        ("first_seen", INSTANT),
        ("last_seen", INSTANT),
        ("count", pa.uint64()),
        ("evidence", pa.string()),
        ("withheld", NAME),
        ("version", pa.uint64()),
    ]
)
"""The highest version of an id counts."""


SetTable = Literal["ip_events", "service_statements", "watcher_watermarks", "workload_states", "node_sightings", "findings"]
"""Tables whose rows say the same however often they are written."""


@dataclass(frozen=True)
class BlockIdentity:
    """The messages that a block stands for: decided before the insert, the same on every retry.

    `topic_id`: Kafka's own id of the topic. A topic that was deleted and made again counts its offsets anew, and must not be
    taken for the old one. Empty where the broker gives none. `edition`: how many times rows have been taken out of the tables to be
    made anew: what the same messages bring then is no repeat. `dropped`: stands for the loss of messages that Kafka dropped, and
    `last_offset` is the offset behind them.
    """

    topic: str
    partition: int
    first_offset: int
    last_offset: int
    topic_id: str = ""
    edition: int = 0
    dropped: bool = False

    @property
    def token(self) -> str:
        """What ClickHouse recognises a repeat by."""
        return f"{self}" + f"@{self.topic_id}" * bool(self.topic_id) + f"#{self.edition}" * bool(self.edition) + "!dropped" * self.dropped

    @property
    def number(self) -> int:
        """The token as 64 bits, for rows to carry; never 0."""
        return int.from_bytes(hashlib.blake2b(self.token.encode(), digest_size=8).digest(), "big") or 1

    def __str__(self) -> str:
        return f"{self.topic}:{self.partition}:{self.first_offset}-{self.last_offset}"


@dataclass(frozen=True)
class Block:
    """All rows that came of one range of messages. Any table may be empty, all may be.

    What `ownership` and `rests` say together is the same whenever the block is built again; how they say it differs.
    """

    identity: BlockIdentity
    flows: pa.Table
    losses: pa.Table
    ownership: pa.Table
    batches: pa.Table
    rests: pa.Table = field(default_factory=RESTS.empty_table)
    nodes: pa.Table = field(default_factory=NODES.empty_table)
