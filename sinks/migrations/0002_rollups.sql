-- Each rollup is fed by the one before it, which costs half of feeding all from the raw table.
-- Sums and maxima merge by themselves: `sum(bytes_sent)` is exact at any moment, whatever has been merged.
-- Every table remembers tokens, or a repeated block would be left out of `flows` and counted again here.

CREATE TABLE IF NOT EXISTS weir.flows_1m
(
    window_start DateTime('UTC') CODEC(DoubleDelta, LZ4),
    region LowCardinality(String),
    network LowCardinality(String),
    node_id LowCardinality(String),
    protocol LowCardinality(String),
    role LowCardinality(String),
    service_port UInt16 CODEC(T64, LZ4),
    local_workload LowCardinality(String),
    remote_workload LowCardinality(String),
    remote_source LowCardinality(String),
    remote_reason LowCardinality(String),
    canonical Bool,
    flows SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    bytes_sent SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    bytes_received SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    packets_sent SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    packets_received SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    payload_bytes_sent SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    payload_bytes_received SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    connections_opened SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    connections_closed SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    connections_failed SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    connections_reset SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    retransmits SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    rtt_us_sum SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    rtt_us_max SimpleAggregateFunction(max, UInt32) CODEC(T64, LZ4),
    rtt_count SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    written_at SimpleAggregateFunction(max, DateTime('UTC')) DEFAULT now() CODEC(DoubleDelta, LZ4)
)
ENGINE = AggregatingMergeTree
PARTITION BY toStartOfInterval(window_start, INTERVAL 2 DAY)
ORDER BY (window_start, region, network, node_id, protocol, role, service_port, local_workload, remote_workload, remote_source, remote_reason, canonical)
TTL written_at + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 100000;

CREATE TABLE IF NOT EXISTS weir.flows_5m
(
    window_start DateTime('UTC') CODEC(DoubleDelta, LZ4),
    region LowCardinality(String),
    network LowCardinality(String),
    node_id LowCardinality(String),
    protocol LowCardinality(String),
    role LowCardinality(String),
    service_port UInt16 CODEC(T64, LZ4),
    local_workload LowCardinality(String),
    remote_workload LowCardinality(String),
    remote_source LowCardinality(String),
    remote_reason LowCardinality(String),
    canonical Bool,
    flows SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    bytes_sent SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    bytes_received SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    packets_sent SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    packets_received SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    payload_bytes_sent SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    payload_bytes_received SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    connections_opened SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    connections_closed SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    connections_failed SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    connections_reset SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    retransmits SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    rtt_us_sum SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    rtt_us_max SimpleAggregateFunction(max, UInt32) CODEC(T64, LZ4),
    rtt_count SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    written_at SimpleAggregateFunction(max, DateTime('UTC')) DEFAULT now() CODEC(DoubleDelta, LZ4)
)
ENGINE = AggregatingMergeTree
PARTITION BY toMonday(window_start)
ORDER BY (window_start, region, network, node_id, protocol, role, service_port, local_workload, remote_workload, remote_source, remote_reason, canonical)
TTL written_at + INTERVAL 1 YEAR
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 100000;

CREATE TABLE IF NOT EXISTS weir.flows_1h
(
    window_start DateTime('UTC') CODEC(DoubleDelta, LZ4),
    region LowCardinality(String),
    network LowCardinality(String),
    node_id LowCardinality(String),
    protocol LowCardinality(String),
    role LowCardinality(String),
    service_port UInt16 CODEC(T64, LZ4),
    local_workload LowCardinality(String),
    remote_workload LowCardinality(String),
    remote_source LowCardinality(String),
    remote_reason LowCardinality(String),
    canonical Bool,
    flows SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    bytes_sent SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    bytes_received SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    packets_sent SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    packets_received SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    payload_bytes_sent SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    payload_bytes_received SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    connections_opened SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    connections_closed SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    connections_failed SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    connections_reset SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    retransmits SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    rtt_us_sum SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    rtt_us_max SimpleAggregateFunction(max, UInt32) CODEC(T64, LZ4),
    rtt_count SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    written_at SimpleAggregateFunction(max, DateTime('UTC')) DEFAULT now() CODEC(DoubleDelta, LZ4)
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(window_start)
ORDER BY (window_start, region, network, node_id, protocol, role, service_port, local_workload, remote_workload, remote_source, remote_reason, canonical)
TTL written_at + INTERVAL 5 YEAR
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 100000;

CREATE MATERIALIZED VIEW IF NOT EXISTS weir.flows_1h_feed TO weir.flows_1h AS
SELECT
    toStartOfHour(source.window_start) AS window_start,
    source.region AS region,
    source.network AS network,
    source.node_id AS node_id,
    source.protocol AS protocol,
    source.role AS role,
    source.service_port AS service_port,
    source.local_workload AS local_workload,
    source.remote_workload AS remote_workload,
    source.remote_source AS remote_source,
    source.remote_reason AS remote_reason,
    source.canonical AS canonical,
    sum(source.flows) AS flows,
    sum(source.bytes_sent) AS bytes_sent,
    sum(source.bytes_received) AS bytes_received,
    sum(source.packets_sent) AS packets_sent,
    sum(source.packets_received) AS packets_received,
    sum(source.payload_bytes_sent) AS payload_bytes_sent,
    sum(source.payload_bytes_received) AS payload_bytes_received,
    sum(source.connections_opened) AS connections_opened,
    sum(source.connections_closed) AS connections_closed,
    sum(source.connections_failed) AS connections_failed,
    sum(source.connections_reset) AS connections_reset,
    sum(source.retransmits) AS retransmits,
    sum(source.rtt_us_sum) AS rtt_us_sum,
    max(source.rtt_us_max) AS rtt_us_max,
    sum(source.rtt_count) AS rtt_count
FROM weir.flows_5m AS source
GROUP BY toStartOfHour(source.window_start), source.region, source.network, source.node_id, source.protocol, source.role, source.service_port, source.local_workload, source.remote_workload, source.remote_source, source.remote_reason, source.canonical;

CREATE MATERIALIZED VIEW IF NOT EXISTS weir.flows_5m_feed TO weir.flows_5m AS
SELECT
    toStartOfFiveMinutes(source.window_start) AS window_start,
    source.region AS region,
    source.network AS network,
    source.node_id AS node_id,
    source.protocol AS protocol,
    source.role AS role,
    source.service_port AS service_port,
    source.local_workload AS local_workload,
    source.remote_workload AS remote_workload,
    source.remote_source AS remote_source,
    source.remote_reason AS remote_reason,
    source.canonical AS canonical,
    sum(source.flows) AS flows,
    sum(source.bytes_sent) AS bytes_sent,
    sum(source.bytes_received) AS bytes_received,
    sum(source.packets_sent) AS packets_sent,
    sum(source.packets_received) AS packets_received,
    sum(source.payload_bytes_sent) AS payload_bytes_sent,
    sum(source.payload_bytes_received) AS payload_bytes_received,
    sum(source.connections_opened) AS connections_opened,
    sum(source.connections_closed) AS connections_closed,
    sum(source.connections_failed) AS connections_failed,
    sum(source.connections_reset) AS connections_reset,
    sum(source.retransmits) AS retransmits,
    sum(source.rtt_us_sum) AS rtt_us_sum,
    max(source.rtt_us_max) AS rtt_us_max,
    sum(source.rtt_count) AS rtt_count
FROM weir.flows_1m AS source
GROUP BY toStartOfFiveMinutes(source.window_start), source.region, source.network, source.node_id, source.protocol, source.role, source.service_port, source.local_workload, source.remote_workload, source.remote_source, source.remote_reason, source.canonical;

CREATE MATERIALIZED VIEW IF NOT EXISTS weir.flows_1m_feed TO weir.flows_1m AS
SELECT
    toStartOfMinute(source.window_start) AS window_start,
    source.region AS region,
    source.network AS network,
    source.node_id AS node_id,
    source.protocol AS protocol,
    source.role AS role,
    source.service_port AS service_port,
    source.local_workload AS local_workload,
    source.remote_workload AS remote_workload,
    source.remote_source AS remote_source,
    source.remote_reason AS remote_reason,
    source.canonical AS canonical,
    count() AS flows,
    sum(source.bytes_sent) AS bytes_sent,
    sum(source.bytes_received) AS bytes_received,
    sum(source.packets_sent) AS packets_sent,
    sum(source.packets_received) AS packets_received,
    sum(source.payload_bytes_sent) AS payload_bytes_sent,
    sum(source.payload_bytes_received) AS payload_bytes_received,
    sum(source.connections_opened) AS connections_opened,
    sum(source.connections_closed) AS connections_closed,
    sum(source.connections_failed) AS connections_failed,
    sum(source.connections_reset) AS connections_reset,
    sum(source.retransmits) AS retransmits,
    sum(source.rtt_us_sum) AS rtt_us_sum,
    max(source.rtt_us_max) AS rtt_us_max,
    sum(source.rtt_count) AS rtt_count
FROM weir.flows AS source
GROUP BY toStartOfMinute(source.window_start), source.region, source.network, source.node_id, source.protocol, source.role, source.service_port, source.local_workload, source.remote_workload, source.remote_source, source.remote_reason, source.canonical;
