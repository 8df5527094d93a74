"""What a worker says about itself, as Prometheus metrics. Every bound has a metric that shows how full it is."""

from __future__ import annotations

from typing import Literal

from prometheus_client import Counter, Gauge, Histogram

Bound = Literal[
    "fetch",
    "queue",
    "shared",
    "repeats",
    "learner",
    "ownership",
    "nodes",
    "sightings",
    "services",
    "dedup",
    "resting",
    "ip_events",
    "producer",
    "learner_producer",
]

FLOWS = Counter("weir_flows", "Flows read, by what became of them.", ["outcome"])  # applied, forwarded, repeated, late
UNATTRIBUTED = Counter("weir_flows_unattributed", "Flows applied without a remote name, by reason.", ["reason"])
MESSAGES = Counter("weir_messages", "Messages read, by what became of them.", ["outcome"])  # applied, dead_letter, dropped
DECODED = Counter("weir_messages_decoded", "Messages of flows decoded; one that is decoded for learning and applying at once counts once.")
REFUSED_SHARE = Gauge(
    "weir_refused_share", "Of the last 100 messages taken, the share that cannot be used; WEIR_DEAD_LETTER_SHARE ends the worker."
)
STAGE_SECONDS = Counter("weir_stage_cpu_seconds", "Thread CPU time by stage of the worker.", ["stage"])
BLOCK_FLOWS = Histogram("weir_block_flows", "Flows in one block.", buckets=(0, 10, 100, 1_000, 5_000, 20_000, 50_000, 100_000))
QUEUED_BYTES = Gauge("weir_queued_bytes", "Memory of messages taken from Kafka and not applied yet; bounded.")
FILL = Gauge("weir_fill", "How full each bounded part of the worker's memory is; 1: full.", ["bound"])
DEDUP_ENTRIES = Gauge("weir_dedup_entries", "Remembered flow keys of a partition; bounded by WEIR_DEDUP_ENTRIES.", ["topic", "partition"])
OWNERSHIP_RANGES = Gauge("weir_ownership_ranges", "Time ranges in the ownership map.")
OWNERSHIP_DROPPED = Counter("weir_ownership_dropped", "Ranges forgotten before their time: there were more than WEIR_OWNERSHIP_RANGES.")
OWNERSHIP_BYTES = Gauge("weir_ownership_bytes", "Memory of the ownership map.")
NODES = Gauge("weir_nodes", "Nodes of which the worker knows where they are.")
NODES_REFUSED = Counter("weir_nodes_refused", "Times that a node's place was not noted, because too many nodes were known.")
SERVICES_DROPPED = Counter("weir_services_dropped", "What watchers told of services, forgotten before its time: there was too much of it.")
HELD_SECONDS = Gauge("weir_held_seconds", "How long the oldest held batch has been asked for.")
COMMIT_TIME = Gauge("weir_last_commit_timestamp_seconds", "When an offset was last committed.")
OUTBOX_BYTES = Gauge("weir_outbox_bytes", "Message bytes on their way to another region; bounded by WEIR_SPOOL_BYTES.", ["region"])
RETRIES = Counter("weir_retries", "Tries that failed for a server's sake.", ["part"])


def fill(bound: Bound, used: float, limit: float) -> None:
    """Say how much of `limit` is in use: either in bytes, or either in things."""
    FILL.labels(bound).set(used / limit if limit else 0)
