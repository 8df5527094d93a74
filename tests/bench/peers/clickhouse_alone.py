# ruff: noqa: S608 (every name in these statements stands in this file)
"""ClickHouse without anybody's help: its Kafka engine reads batched Avro, a view unfolds and names the flows on their way into
weir's own table, with weir's own rollups behind it where wanted. Names come from ranges that were loaded beforehand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from schemas.arrays import U64
from schemas.records.flow_batch import ROLE_NAMES, FlowBatch
from sinks.migrate import known
from tests.bench.peers.contender import FEEDS, Place, create_topic, dumped_numbers
from tests.bench.peers.flows import NUMBER, WINDOW_SECONDS, WORKLOADS
from tests.bench.peers.forms import ADDRESSES, INTEGERS, SUMMED, Message, avro_name, batched_avro
from tests.bench.peers.venv import engine_with_kafka
from tests.integration.made_recording import SECOND_US
from tests.support.processes import Child

STEPS = ("0001_flows", "0002_rollups")

RANGES = f"""CREATE TABLE IF NOT EXISTS weir.owner_ranges ENGINE = MergeTree ORDER BY ip AS
SELECT toIPv6(concat('::ffff:', IPv4NumToString(toUInt32(167772160 + number)))) AS ip,
       concat('service-', leftPad(toString(number % {WORKLOADS}), 4, '0')) AS workload,
       toDateTime({{start}} - 3600, 'UTC') AS begins, toDateTime({{start}} + 86400, 'UTC') AS ends
FROM numbers({{addresses}})"""

OWNERS = """CREATE DICTIONARY IF NOT EXISTS weir.owners (ip IPv6, workload String, begins DateTime, ends DateTime)
PRIMARY KEY ip SOURCE(CLICKHOUSE(DB 'weir' TABLE 'owner_ranges')) LIFETIME(0)
LAYOUT(COMPLEX_KEY_RANGE_HASHED()) RANGE(MIN begins MAX ends)"""

QUEUE = f"""CREATE TABLE IF NOT EXISTS weir.queue
(node_id String, epoch UInt64, window_start Int64, workloads Array(String),
{", ".join(f"{name} Array(IPv6)" for name in ADDRESSES)}, {", ".join(f"{name} Array(Int64)" for name in map(avro_name, INTEGERS))})
ENGINE = Kafka SETTINGS kafka_broker_list = '{{bootstrap}}', kafka_topic_list = '{{topic}}', kafka_group_name = '{{group}}',
kafka_format = 'Avro'{{more}}"""

FEED = f"""CREATE MATERIALIZED VIEW IF NOT EXISTS weir.feed TO weir.flows AS
SELECT toDateTime(queue.window_start, 'UTC') AS window_start, {WINDOW_SECONDS} AS window_seconds,
       fromUnixTimestamp64Micro(first_seen_us, 'UTC') AS first_seen, fromUnixTimestamp64Micro(last_seen_us, 'UTC') AS last_seen,
       'default' AS region, 'default' AS network, node_id, epoch,
       transform(protocol_number, [6, 17], ['tcp', 'udp'], 'other') AS protocol,
       {list(ROLE_NAMES)}[role_number + 1] AS role, local_ip, remote_ip, service_port,
       workloads[local_workload_number + 1] AS local_workload,
       dictGet('weir.owners', 'workload', tuple(remote_ip), toDateTime(queue.window_start, 'UTC')) AS remote_workload,
       if(remote_workload = '', 'none', 'heartbeat') AS remote_source, if(remote_workload = '', 'unknown', '') AS remote_reason,
       {", ".join(SUMMED)}, _partition AS partition, _offset AS first_offset
FROM weir.queue AS queue
ARRAY JOIN {", ".join((*ADDRESSES, *map(avro_name, INTEGERS)))}"""

CLIENT = """<clickhouse><kafka>
<session_timeout_ms>{session_ms}</session_timeout_ms><heartbeat_interval_ms>500</heartbeat_interval_ms>
</kafka></clickhouse>"""


@dataclass(frozen=True)
class ClickHouseAlone:
    """`flush_ms`: how long its engine gathers a block at most, 0 for its default (7.5 s)."""

    rollups: bool = False
    flush_ms: int = 0
    topic: str = "peers.batches"
    group: str = "clickhouse"
    drops_repeats: bool = False

    @property
    def title(self) -> str:
        return f"ClickHouse alone, {'the same' if self.rollups else 'no'} rollups"

    @property
    def leaves_out(self) -> str:
        repeats = "dedup: repeats are stored" + (", and the rollups too high" if self.rollups else "")
        others = "ownership by time, learned live: ranges loaded beforehand; canonical; exactly-once; downstream topic"
        return f"{repeats}; {others}" + ("" if self.rollups else "; rollups")

    def messages(self, batch: FlowBatch) -> Iterator[Message]:
        return batched_avro(batch)

    def prepare(self, place: Place) -> None:
        engine_with_kafka()
        create_topic(place.bootstrap, self.topic)

    def start(self, place: Place, number: int = 0) -> Child:
        statements = place.folder / "statements.json"
        statements.write_text(json.dumps(self._statements(place)))
        client = place.folder / "client.xml"
        client.write_text(CLIENT.format(session_ms=place.session_seconds * 1_000))
        directory = f"{self._data(place, number)}?config-file={client}"
        argv = [engine_with_kafka(), Path(__file__).with_name("engine_child.py"), "run", directory, statements]
        child = Child(argv, name=self.title)
        child.line("^ready ", 60)
        return child

    def stored(self, place: Place) -> U64:
        found = [
            dumped_numbers(engine_with_kafka(), directory, f"SELECT {NUMBER} FROM weir.flows", place.folder)
            for directory in sorted(place.folder.glob("clickhouse-*"))
        ]
        return np.concatenate(found)

    def _data(self, place: Place, number: int) -> Path:
        return place.folder / f"clickhouse-{number}"

    def _statements(self, place: Place) -> list[str]:
        """No table remembers blocks here: that is a setting of weir's, and without tokens it would take equal blocks for repeats."""
        tables = [statement for step in known() if step.name in STEPS for statement in step.statements]
        if not self.rollups:
            tables = [statement for statement in tables if not any(feed in statement for feed in FEEDS)]
        tables = [
            statement.replace("non_replicated_deduplication_window = 100000", "non_replicated_deduplication_window = 0")
            for statement in tables
        ]
        more = f", kafka_flush_interval_ms = {self.flush_ms}" if self.flush_ms else ""
        start = place.fleet.start_us // SECOND_US
        return [
            "CREATE DATABASE IF NOT EXISTS weir",
            *tables,
            RANGES.format(start=start, addresses=place.fleet.addresses),
            OWNERS,
            "SYSTEM RELOAD DICTIONARY weir.owners",
            QUEUE.format(bootstrap=place.bootstrap, topic=self.topic, group=self.group, more=more),
            FEED,
        ]
