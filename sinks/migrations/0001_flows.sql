-- One row a flow and window. A block is recognised by its token for as long as the table remembers it:
-- 100,000 block parts, that is more than three hours of 8 workers that each write a block a second.
-- The order keeps the rows of a message together: a merge copies runs of rows instead of picking them one by one, which is a third of the
-- work. A table that an older weir made keeps its order, by workloads; docs/operating.md says how to change it.
-- The age that counts for deletion is that of the writing, so that a replayed old recording is not dropped on arrival.
CREATE TABLE IF NOT EXISTS weir.flows
(
    window_start DateTime('UTC') CODEC(DoubleDelta, LZ4),
    window_seconds UInt16 CODEC(T64, LZ4),
    first_seen DateTime64(6, 'UTC') CODEC(Delta, LZ4),
    last_seen DateTime64(6, 'UTC') CODEC(Delta, LZ4),
    region LowCardinality(String),
    network LowCardinality(String),
    node_id LowCardinality(String),
    epoch UInt64 CODEC(ZSTD(1)),
    protocol LowCardinality(String),
    role LowCardinality(String),
    local_ip IPv6 CODEC(ZSTD(1)),
    remote_ip IPv6 CODEC(ZSTD(1)),
    service_port UInt16 CODEC(T64, LZ4),
    local_workload LowCardinality(String),
    remote_workload LowCardinality(String),
    remote_source LowCardinality(String),
    remote_reason LowCardinality(String),
    canonical Bool,
    bytes_sent UInt64 CODEC(T64, LZ4),
    bytes_received UInt64 CODEC(T64, LZ4),
    packets_sent UInt64 CODEC(T64, LZ4),
    packets_received UInt64 CODEC(T64, LZ4),
    payload_bytes_sent UInt64 CODEC(T64, LZ4),
    payload_bytes_received UInt64 CODEC(T64, LZ4),
    connections_opened UInt32 CODEC(T64, LZ4),
    connections_closed UInt32 CODEC(T64, LZ4),
    connections_failed UInt32 CODEC(T64, LZ4),
    connections_reset UInt32 CODEC(T64, LZ4),
    retransmits UInt32 CODEC(T64, LZ4),
    rtt_us_sum UInt64 CODEC(T64, LZ4),
    rtt_us_max UInt32 CODEC(T64, LZ4),
    rtt_count UInt32 CODEC(T64, LZ4),
    `partition` UInt32 CODEC(T64, LZ4),
    first_offset UInt64 CODEC(T64, LZ4),
    written_at DateTime('UTC') DEFAULT now() CODEC(DoubleDelta, LZ4),
    INDEX by_message (`partition`, first_offset) TYPE minmax GRANULARITY 4
)
ENGINE = MergeTree
PARTITION BY toDate(window_start)
ORDER BY (toStartOfFiveMinutes(window_start), node_id, window_start)
TTL written_at + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 100000;
