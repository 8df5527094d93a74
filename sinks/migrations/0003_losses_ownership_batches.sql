-- What could not be counted, wherever that happened. `id` tells apart losses that are otherwise alike.
CREATE TABLE IF NOT EXISTS weir.losses
(
    window_start DateTime('UTC') CODEC(DoubleDelta, LZ4),
    node_id LowCardinality(String),
    epoch UInt64 CODEC(ZSTD(1)),
    stage LowCardinality(String),
    reason LowCardinality(String),
    flows UInt64 CODEC(T64, LZ4),
    packets UInt64 CODEC(T64, LZ4),
    bytes UInt64 CODEC(T64, LZ4),
    id UInt64 CODEC(T64, LZ4),
    `partition` UInt32 CODEC(T64, LZ4),
    first_offset UInt64 CODEC(T64, LZ4),
    written_at DateTime('UTC') DEFAULT now() CODEC(DoubleDelta, LZ4)
)
ENGINE = MergeTree
PARTITION BY toStartOfInterval(window_start, INTERVAL 2 DAY)
ORDER BY (window_start, node_id, stage, reason)
TTL written_at + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 100000;

-- Time ranges as they were learned. One that grows keeps its start, and merges into a single row.
CREATE TABLE IF NOT EXISTS weir.ownership_ranges
(
    network LowCardinality(String),
    ip IPv6 CODEC(ZSTD(1)),
    port UInt16 CODEC(T64, LZ4),
    protocol LowCardinality(String),
    workload LowCardinality(String),
    source LowCardinality(String),
    start DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    `end` SimpleAggregateFunction(max, DateTime64(6, 'UTC')) CODEC(Delta, ZSTD(1)),
    written_at SimpleAggregateFunction(max, DateTime('UTC')) DEFAULT now() CODEC(DoubleDelta, LZ4)
)
ENGINE = AggregatingMergeTree
PARTITION BY toMonday(start)
ORDER BY (network, ip, port, protocol, workload, source, start)
TTL written_at + INTERVAL 1 YEAR
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 100000;

-- One owner's ranges that touch or overlap are one range, however often and in whatever pieces they were learned.
CREATE VIEW IF NOT EXISTS weir.ownership AS
SELECT network, ip, workload, min(piece_start) AS start, max(piece_end) AS `end`, source, port, protocol
FROM
(
    SELECT
        network, ip, port, protocol, workload, source, piece_start, piece_end,
        sum(opens) OVER (
            PARTITION BY network, ip, port, protocol, workload, source
            ORDER BY piece_start ASC ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS island
    FROM
    (
        SELECT
            network, ip, port, protocol, workload, source, piece_start, piece_end,
            piece_start > max(piece_end) OVER (
                PARTITION BY network, ip, port, protocol, workload, source
                ORDER BY piece_start ASC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS opens
        FROM
        (
            SELECT network, ip, port, protocol, workload, source, start AS piece_start, max(`end`) AS piece_end
            FROM weir.ownership_ranges
            GROUP BY network, ip, port, protocol, workload, source, start
        )
    )
)
GROUP BY network, ip, port, protocol, workload, source, island;

-- Which batches of which windows have been applied: what a worker learns its memory of repeats from after a restart.
CREATE TABLE IF NOT EXISTS weir.batches
(
    node_id LowCardinality(String),
    epoch UInt64 CODEC(ZSTD(1)),
    window_start DateTime('UTC') CODEC(DoubleDelta, LZ4),
    window_seconds UInt16 CODEC(T64, LZ4),
    batch_index UInt32 CODEC(T64, LZ4),
    batch_count UInt32 CODEC(T64, LZ4),
    `partition` UInt32 CODEC(T64, LZ4),
    first_offset UInt64 CODEC(T64, LZ4),
    written_at DateTime('UTC') DEFAULT now() CODEC(DoubleDelta, LZ4)
)
ENGINE = MergeTree
PARTITION BY toDate(window_start)
ORDER BY (`partition`, node_id, window_start, epoch, batch_index)
TTL written_at + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 100000;
