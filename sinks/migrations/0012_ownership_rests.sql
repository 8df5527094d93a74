-- A range of a chain goes on as far as the rests of the chain, unless it has ended. 0, and rows of before: no chain, the range is all.
ALTER TABLE weir.ownership_ranges
    ADD COLUMN IF NOT EXISTS chain UInt64 CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS ended SimpleAggregateFunction(max, UInt8) CODEC(ZSTD(1)),
    MODIFY ORDER BY (network, ip, port, protocol, workload, source, start, node_id, chain);

-- Up to its end, all ranges of a chain went on that have not ended. A chain lasts for a week at most; each block moves its end, in one row.
-- Another row of it begins only where the batches are applied later after their end than before, or sooner.
CREATE TABLE IF NOT EXISTS weir.ownership_rests
(
    network LowCardinality(String),
    node_id LowCardinality(String),
    chain UInt64 CODEC(ZSTD(1)),
    start DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    `end` SimpleAggregateFunction(max, DateTime64(6, 'UTC')) CODEC(Delta, ZSTD(1)),
    late SimpleAggregateFunction(min, UInt32) CODEC(T64, LZ4),
    written_at SimpleAggregateFunction(max, DateTime('UTC')) DEFAULT now() CODEC(DoubleDelta, LZ4)
)
ENGINE = AggregatingMergeTree
PARTITION BY toMonday(start)
ORDER BY (network, node_id, chain, start)
TTL written_at + INTERVAL 1 YEAR
SETTINGS
    ttl_only_drop_parts = 1, non_replicated_deduplication_window = 100000,
    fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;

-- One owner's ranges that touch or overlap, as one node told them, are one range, however often and in whatever pieces they were learned.
-- Rests stand first: what is looked up first is the older, and a rest that is seen is one whose ranges are seen with their ends.
CREATE OR REPLACE VIEW weir.ownership_by_heartbeats AS
SELECT network, ip, workload, min(piece_start) AS start, max(piece_end) AS `end`, source, port, protocol, node_id, min(piece_learned) AS learned_at
FROM
(
    SELECT
        network, ip, port, protocol, workload, source, node_id, piece_start, piece_end, piece_learned,
        sum(opens) OVER (
            PARTITION BY network, ip, port, protocol, workload, source, node_id
            ORDER BY piece_start ASC ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS island
    FROM
    (
        SELECT
            network, ip, port, protocol, workload, source, node_id, piece_start, piece_end, piece_learned,
            piece_start > max(piece_end) OVER (
                PARTITION BY network, ip, port, protocol, workload, source, node_id
                ORDER BY piece_start ASC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS opens
        FROM
        (
            SELECT
                told.network AS network, told.ip AS ip, told.port AS port, told.protocol AS protocol, told.workload AS workload,
                told.source AS source, told.node_id AS node_id, told.piece_start AS piece_start, told.piece_learned AS piece_learned,
                if(told.is_ended = 0, greatest(told.told_end, ifNull(rests.rest_end, told.told_end)), told.told_end) AS piece_end
            FROM
            (
                SELECT network, node_id, chain, max(`end`) AS rest_end FROM weir.ownership_rests GROUP BY network, node_id, chain
            ) AS rests
            RIGHT JOIN
            (
                SELECT
                    network, ip, port, protocol, workload, source, node_id, chain, start AS piece_start,
                    max(`end`) AS told_end, max(ended) AS is_ended, min(learned_at) AS piece_learned
                FROM weir.ownership_ranges
                GROUP BY network, ip, port, protocol, workload, source, node_id, chain, start
            ) AS told
            ON rests.network = told.network AND rests.node_id = told.node_id AND rests.chain = told.chain
        )
    )
)
GROUP BY network, ip, port, protocol, workload, source, node_id, island;
