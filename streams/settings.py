"""What a worker needs to know, already checked. Built by the `weir` command; holds no rules."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from schemas.wire.registry import RegistryAddress
from streams.forwarding.regions import Prefix
from streams.kafka import Kafka


@dataclass(frozen=True)
class WorkerSettings:
    """One worker of the group. Durations are whole seconds unless the name says otherwise."""

    kafka: Kafka
    group: str  # consumer group; every worker of a region shares it
    session_seconds: int  # silence after which the group takes a worker for dead, and hands its partitions on
    region: str  # where this worker attributes; stamped on flows that carry none
    region_prefixes: tuple[Prefix, ...]  # which region an address belongs to; empty: there is one region
    region_kafka: dict[str, str]  # bootstrap of every other region; security as above
    outbox_bytes: int  # messages that wait for one other region, on disk; then the oldest go, counted
    network: str  # network id of flows that carry none
    clickhouse_url: str  # chdb:///DIR or clickhouse://user:password@host:port/database
    window_seconds: int  # the agents' windows: a heartbeat that was lost leaves a hole that begins and ends with one
    hold_seconds: int  # a flow waits no longer than this for ownership to catch up
    gap_seconds: int  # a heartbeat silence longer than this splits a range
    skew_ms: int  # how far the clocks of two nodes may differ
    dedup_seconds: int  # how far behind a node's newest window a flow is still accepted
    dedup_entries: int  # remembered flow keys in all; the oldest windows go first
    ownership_ranges: int  # time ranges in the ownership map; beyond it those that ended first are forgotten
    retention_seconds: int  # ownership ranges that ended longer ago than this are forgotten
    block_flows: int  # flows that one insert takes at most, unless one message alone holds more
    dead_letter_share: float  # a larger share of unreadable messages than this ends the worker; 1: never
    state_dir: Path  # disposable files, and the outbox to other regions, which must outlive the worker
    metrics_address: str  # where the port below listens; empty: every address, IPv4 and IPv6
    metrics_port: int  # metrics and health over HTTP on this port; 0: none
    stall_seconds: int  # a lag without a commit for so long, the hold not counted, is a trouble
    future_seconds: int  # a window that starts further ahead of the clock than this is refused
    cidrs: tuple[tuple[IPv4Network | IPv6Network, str], ...]  # ranges where nobody of weir's is, and what to call them
    registry: RegistryAddress | None  # schema registry; None: Avro single-object encoding
    flow_batch_version: int | None = None  # released version of FlowBatch for what other regions get; None: the current one
