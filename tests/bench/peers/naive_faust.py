"""A Faust worker as one writes it first: a record a message, a Table of what was seen, names from a dict, an INSERT every so many
records, then their offsets.

    python -m tests.bench.peers.naive_faust BOOTSTRAP GROUP TOPIC DIRECTORY ADDRESSES
"""

from __future__ import annotations

import sys
from typing import Any

import faust
import numpy as np
import orjson
from chdb.session import Session

from tests.bench.peers.contender import PARTITIONS
from tests.bench.peers.flows import ipv6, workload
from tests.bench.peers.forms import dotted

INSERT_ROWS = 2_000
KEY = ("node_id", "epoch", "window_start", "local_ip", "remote_ip", "service_port", "role")
TABLE = """CREATE TABLE IF NOT EXISTS flows
(node_id LowCardinality(String), epoch UInt64, window_start DateTime('UTC'), window_seconds UInt16, local_ip IPv4, remote_ip IPv4,
service_port UInt16, protocol UInt8, role LowCardinality(String), local_workload LowCardinality(String),
remote_workload LowCardinality(String), first_seen_us Int64, last_seen_us Int64, bytes_sent UInt64, bytes_received UInt64,
packets_sent UInt64, packets_received UInt64,
payload_bytes_sent UInt64, payload_bytes_received UInt64, connections_opened UInt32, connections_closed UInt32, connections_failed UInt32,
connections_reset UInt32, retransmits UInt32, rtt_us_sum UInt64, rtt_us_max UInt32, rtt_count UInt32)
ENGINE = MergeTree PARTITION BY toDate(window_start) ORDER BY (window_start, local_workload, remote_workload, node_id)"""


def build(bootstrap: str, group: str, topic_name: str, directory: str, addresses: str) -> faust.App:
    owners = owners_by_address(int(addresses))
    session = Session(directory)
    session.query("CREATE DATABASE IF NOT EXISTS naive ENGINE = Atomic")
    session.query("USE naive")
    session.query(TABLE)
    app = faust.App(
        group,
        broker=f"kafka://{bootstrap}",
        store="memory://",
        topic_partitions=PARTITIONS,
        topic_replication_factor=1,
        stream_wait_empty=False,
        web_enabled=False,
        broker_commit_interval=1.0,
        datadir=f"{directory}-faust",
    )
    topic = app.topic(topic_name, value_serializer="json", partitions=PARTITIONS)
    seen = app.Table("seen", default=bool, partitions=PARTITIONS)
    waiting: list[tuple[dict[str, Any], Any]] = []

    def insert() -> None:
        taken, waiting[:] = list(waiting), []
        rows = b"\n".join(orjson.dumps(row) for row, _ in taken if row)
        if rows:
            session.query(f"INSERT INTO flows FORMAT JSONEachRow {rows.decode()}")
        for _, event in taken:
            event.ack()

    @app.agent(topic)
    async def store(stream: Any) -> None:
        async for event in stream.noack().events():
            flow = event.value
            key = "|".join(str(flow[name]) for name in KEY)
            if seen[key]:
                waiting.append(({}, event))
            else:
                seen[key] = True
                waiting.append(({**flow, "remote_workload": owners.get(flow["remote_ip"], "")}, event))
            if len(waiting) >= INSERT_ROWS:
                insert()

    @app.timer(1.0)
    async def rest() -> None:
        insert()

    return app


def owners_by_address(addresses: int) -> dict[str, str]:
    return {ip: workload(number) for number, ip in enumerate(dotted(ipv6(np.arange(addresses, dtype=np.uint32))))}


if __name__ == "__main__":
    faust.Worker(build(*sys.argv[1:]), loglevel="WARN").execute_from_commandline()
