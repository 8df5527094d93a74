-- Findings: the row of an id with the highest version counts. An id has one first_seen, and so stays in one partition.
CREATE TABLE IF NOT EXISTS weir.findings
(
    id String,
    kind LowCardinality(String),
    network LowCardinality(String),
    subject LowCardinality(String),
    peer LowCardinality(String),
    service_port UInt16,
    state LowCardinality(String),
    severity LowCardinality(String),
    first_seen DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    last_seen DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    count UInt64 CODEC(ZSTD(1)),
    evidence String CODEC(ZSTD(1)),
    withheld LowCardinality(String),
    version UInt64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(first_seen)
ORDER BY id
TTL toDateTime(last_seen) + INTERVAL 1 YEAR
SETTINGS
    fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;
