-- Where there is no table service_statements yet: the step that makes it changes the view again.

-- Nodes as their batches tell of them: a set, of which rows that say the same merge. A node that moves, or changes its version or its labels, has
-- another row.
CREATE TABLE IF NOT EXISTS weir.node_sightings
(
    node_id LowCardinality(String),
    zone LowCardinality(String),
    region LowCardinality(String),
    agent_version LowCardinality(String),
    config_version LowCardinality(String),
    labels Map(String, String),
    first_seen SimpleAggregateFunction(min, DateTime64(6, 'UTC')) CODEC(Delta, ZSTD(1)),
    last_seen SimpleAggregateFunction(max, DateTime64(6, 'UTC')) CODEC(Delta, ZSTD(1)),
    written_at SimpleAggregateFunction(max, DateTime('UTC')) DEFAULT now() CODEC(DoubleDelta, LZ4)
)
ENGINE = AggregatingMergeTree
PARTITION BY toMonday(first_seen)
ORDER BY (node_id, zone, region, agent_version, config_version, labels)
TTL written_at + INTERVAL 1 YEAR
SETTINGS
    ttl_only_drop_parts = 1, non_replicated_deduplication_window = 100000,
    fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;

-- Versions and labels are those that were seen last. A sighting without labels says nothing of them.
CREATE OR REPLACE VIEW weir.nodes AS
SELECT
    node_id, zone, region,
    argMax(told.labels, (notEmpty(told.labels), told.last_seen)) AS labels,
    argMax(told.agent_version, told.last_seen) AS agent_version,
    argMax(told.config_version, told.last_seen) AS config_version,
    min(told.first_seen) AS first_seen,
    max(told.last_seen) AS last_seen
FROM weir.node_sightings AS told
GROUP BY node_id, zone, region;
