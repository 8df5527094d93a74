-- What watchers tell of their clusters, as sets: every worker writes all that it reads, and what is there twice merges.

-- From `since` on, until the watcher says otherwise: what is behind the address. Without a service: none any more. Without a protocol: the address
-- is that of a node, whose name stands for the service's.
CREATE TABLE IF NOT EXISTS weir.service_statements
(
    network LowCardinality(String),
    ip IPv6 CODEC(ZSTD(1)),
    protocol LowCardinality(String),
    port UInt16 CODEC(ZSTD(1)),
    service LowCardinality(String),
    workloads Array(LowCardinality(String)) CODEC(ZSTD(1)),
    since DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    watcher LowCardinality(String),
    learned_at SimpleAggregateFunction(min, DateTime('UTC')) DEFAULT now() CODEC(DoubleDelta, LZ4),
    written_at SimpleAggregateFunction(max, DateTime('UTC')) DEFAULT now() CODEC(DoubleDelta, LZ4)
)
ENGINE = AggregatingMergeTree
PARTITION BY toMonday(since)
ORDER BY (network, ip, port, protocol, watcher, since, service, workloads)
TTL written_at + INTERVAL 1 YEAR
SETTINGS
    ttl_only_drop_parts = 1, non_replicated_deduplication_window = 100000,
    fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;

-- From `since` to `until` the watcher has told every change.
CREATE TABLE IF NOT EXISTS weir.watcher_watermarks
(
    network LowCardinality(String),
    watcher LowCardinality(String),
    since DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    until SimpleAggregateFunction(max, DateTime64(6, 'UTC')) CODEC(Delta, ZSTD(1)),
    written_at SimpleAggregateFunction(max, DateTime('UTC')) DEFAULT now() CODEC(DoubleDelta, LZ4)
)
ENGINE = AggregatingMergeTree
PARTITION BY toMonday(since)
ORDER BY (network, watcher, since)
TTL written_at + INTERVAL 1 YEAR
SETTINGS
    ttl_only_drop_parts = 1, non_replicated_deduplication_window = 100000,
    fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;

-- From `at` on the workload has these labels, or does not exist.
CREATE TABLE IF NOT EXISTS weir.workload_states
(
    network LowCardinality(String),
    name LowCardinality(String),
    kind LowCardinality(String),
    namespace LowCardinality(String),
    labels Map(String, String) CODEC(ZSTD(1)),
    exists Bool,
    at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    written_at SimpleAggregateFunction(max, DateTime('UTC')) DEFAULT now() CODEC(DoubleDelta, LZ4)
)
ENGINE = AggregatingMergeTree
PARTITION BY toMonday(at)
ORDER BY (network, name, kind, namespace, at, exists, labels)
TTL written_at + INTERVAL 1 YEAR
SETTINGS
    ttl_only_drop_parts = 1, non_replicated_deduplication_window = 100000,
    fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;

-- A row for each time that what a watcher stated of an address stayed the same, up to where it has told of it.
CREATE OR REPLACE VIEW weir.services AS
SELECT network, ip, protocol, port, held.2 AS service, held.3 AS workloads, held.1 AS start, held.4 AS `end`, watcher
FROM
(
    SELECT
        told.network AS network, told.ip AS ip, told.protocol AS protocol, told.port AS port, told.watcher AS watcher,
        arrayFilter((s, i) -> i = 1 OR s.2 != told.states[i - 1].2 OR s.3 != told.states[i - 1].3, told.states, arrayEnumerate(told.states)) AS changes,
        arrayJoin(arrayMap((s, i) -> (s.1, s.2, s.3, if(i < length(changes), changes[i + 1].1, marks.told_until)), changes, arrayEnumerate(changes))) AS held
    FROM
    (
        SELECT network, ip, protocol, port, watcher, arraySort(groupUniqArray((since, service, workloads))) AS states
        FROM weir.service_statements
        WHERE protocol != ''
        GROUP BY network, ip, protocol, port, watcher
    ) AS told
    INNER JOIN
    (
        SELECT network, watcher, max(until) AS told_until FROM weir.watcher_watermarks GROUP BY network, watcher
    ) AS marks
    ON told.network = marks.network AND told.watcher = marks.watcher
)
WHERE held.2 != '' AND held.1 < held.4;

-- A row for each version of a workload's labels. What has no end is shown as in `ownership`.
CREATE OR REPLACE VIEW weir.workloads AS
SELECT
    name, kind, namespace, CAST(held.3, 'Map(String, String)') AS labels, held.1 AS start,
    held.4 AS `end`, network
FROM
(
    SELECT
        network, name, kind, namespace,
        arrayFilter((s, i) -> i = 1 OR s.2 != states[i - 1].2 OR s.3 != states[i - 1].3, states, arrayEnumerate(states)) AS changes,
        fromUnixTimestamp64Micro(toInt64(4294967296000000), 'UTC') AS never,
        arrayJoin(arrayMap((s, i) -> (s.1, s.2, s.3, if(i < length(changes), changes[i + 1].1, never)), changes, arrayEnumerate(changes))) AS held
    FROM
    (
        SELECT
            network, name, kind, namespace,
            arraySort(groupUniqArray((at, exists, CAST(labels, 'Array(Tuple(String, String))')))) AS states
        FROM weir.workload_states
        GROUP BY network, name, kind, namespace
    )
)
WHERE held.2 AND held.1 < held.4;

-- Versions are those that were seen last. Labels are a node's newest, wherever it is; they say where it is in the rows whose agent names no zone
-- or no region, and of nodes that have no agent.
CREATE OR REPLACE VIEW weir.nodes AS
SELECT
    node_id, zone, region, any(newest) AS labels,
    argMax(told_agent_version, told_last) AS agent_version,
    argMax(told_config_version, told_last) AS config_version,
    min(told_first) AS first_seen,
    max(told_last) AS last_seen
FROM
(
    SELECT
        told.node_id AS node_id,
        if(told.zone = '', labelled.label_zone, told.zone) AS zone,
        if(told.region = '', labelled.label_region, told.region) AS region,
        labelled.newest AS newest,
        told.agent_version AS told_agent_version, told.config_version AS told_config_version,
        told.first_seen AS told_first, told.last_seen AS told_last
    FROM
    (
        SELECT node_id, zone, region, agent_version, config_version, first_seen, last_seen
        FROM weir.node_sightings
        WHERE empty(labels) OR node_id NOT IN (SELECT node_id FROM weir.node_sightings WHERE empty(labels))
    ) AS told
    LEFT JOIN
    (
        SELECT
            node_id,
            argMax(labels, (last_seen, zone, region)) AS newest,
            argMax(zone, (last_seen, zone, region)) AS label_zone,
            argMax(region, (last_seen, zone, region)) AS label_region
        FROM weir.node_sightings
        WHERE notEmpty(labels)
        GROUP BY node_id
    ) AS labelled
    ON told.node_id = labelled.node_id
)
GROUP BY node_id, zone, region;
