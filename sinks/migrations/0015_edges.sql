-- Where the ends are and which service or name was called; why connections failed; and histograms of times: samples by bucket, up to the last that
-- has any. weir.histogram_bounds says what the buckets are. Rows of before have no text, 0 and [].
ALTER TABLE weir.flows
    ADD COLUMN IF NOT EXISTS connections_refused UInt32 CODEC(T64, LZ4) AFTER rtt_count,
    ADD COLUMN IF NOT EXISTS connections_timed_out UInt32 CODEC(T64, LZ4) AFTER connections_refused,
    ADD COLUMN IF NOT EXISTS local_zone LowCardinality(String) AFTER topic,
    ADD COLUMN IF NOT EXISTS remote_zone LowCardinality(String) AFTER local_zone,
    ADD COLUMN IF NOT EXISTS remote_region LowCardinality(String) AFTER remote_zone,
    ADD COLUMN IF NOT EXISTS remote_node_id LowCardinality(String) AFTER remote_region,
    ADD COLUMN IF NOT EXISTS remote_service LowCardinality(String) AFTER remote_node_id,
    ADD COLUMN IF NOT EXISTS remote_domain LowCardinality(String) AFTER remote_service,
    ADD COLUMN IF NOT EXISTS registrable_domain LowCardinality(String) AFTER remote_domain,
    ADD COLUMN IF NOT EXISTS rtt_histogram Array(UInt32) CODEC(LZ4) AFTER registrable_domain,
    ADD COLUMN IF NOT EXISTS connect_histogram Array(UInt32) CODEC(LZ4) AFTER rtt_histogram;

-- Rollups: the key is longer by what is new, and by the lane: the partition of Kafka that the rows came from, 2 * partition + 1 of weir.flows and + 2 of
-- another topic. One worker at a time writes a lane: what a block has brought can be told from what others bring. Lane 0: written before this step.
-- remote_domain is cut to its registrable part. Histograms are kept by bucket (1 to 48) where there are samples, which is cheaper
-- to write than states of sumForEach; `sumForEach(rtt_histogram)` adds them up in any table.
ALTER TABLE weir.flows_1m
    ADD COLUMN IF NOT EXISTS local_zone LowCardinality(String),
    ADD COLUMN IF NOT EXISTS remote_zone LowCardinality(String),
    ADD COLUMN IF NOT EXISTS remote_region LowCardinality(String),
    ADD COLUMN IF NOT EXISTS remote_service LowCardinality(String),
    ADD COLUMN IF NOT EXISTS remote_domain LowCardinality(String),
    ADD COLUMN IF NOT EXISTS lane UInt32 CODEC(T64, LZ4),
    ADD COLUMN IF NOT EXISTS connections_refused SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    ADD COLUMN IF NOT EXISTS connections_timed_out SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    ADD COLUMN IF NOT EXISTS rtt_samples SimpleAggregateFunction(sumMap, Map(UInt8, UInt64)) CODEC(LZ4),
    ADD COLUMN IF NOT EXISTS connect_samples SimpleAggregateFunction(sumMap, Map(UInt8, UInt64)) CODEC(LZ4),
    ADD COLUMN IF NOT EXISTS rtt_histogram Array(UInt64) ALIAS if(empty(rtt_samples), [], arrayConcat(arrayWithConstant(arrayMin(mapKeys(rtt_samples)) - 1, toUInt64(0)), mapValues(mapPopulateSeries(rtt_samples)))),
    ADD COLUMN IF NOT EXISTS connect_histogram Array(UInt64) ALIAS if(empty(connect_samples), [], arrayConcat(arrayWithConstant(arrayMin(mapKeys(connect_samples)) - 1, toUInt64(0)), mapValues(mapPopulateSeries(connect_samples)))),
    MODIFY ORDER BY (window_start, region, network, node_id, protocol, role, service_port, local_workload, remote_workload, remote_source, remote_reason, canonical, local_zone, remote_zone, remote_region, remote_service, remote_domain, lane);

ALTER TABLE weir.flows_5m
    ADD COLUMN IF NOT EXISTS local_zone LowCardinality(String),
    ADD COLUMN IF NOT EXISTS remote_zone LowCardinality(String),
    ADD COLUMN IF NOT EXISTS remote_region LowCardinality(String),
    ADD COLUMN IF NOT EXISTS remote_service LowCardinality(String),
    ADD COLUMN IF NOT EXISTS remote_domain LowCardinality(String),
    ADD COLUMN IF NOT EXISTS lane UInt32 CODEC(T64, LZ4),
    ADD COLUMN IF NOT EXISTS connections_refused SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    ADD COLUMN IF NOT EXISTS connections_timed_out SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    ADD COLUMN IF NOT EXISTS rtt_samples SimpleAggregateFunction(sumMap, Map(UInt8, UInt64)) CODEC(LZ4),
    ADD COLUMN IF NOT EXISTS connect_samples SimpleAggregateFunction(sumMap, Map(UInt8, UInt64)) CODEC(LZ4),
    ADD COLUMN IF NOT EXISTS rtt_histogram Array(UInt64) ALIAS if(empty(rtt_samples), [], arrayConcat(arrayWithConstant(arrayMin(mapKeys(rtt_samples)) - 1, toUInt64(0)), mapValues(mapPopulateSeries(rtt_samples)))),
    ADD COLUMN IF NOT EXISTS connect_histogram Array(UInt64) ALIAS if(empty(connect_samples), [], arrayConcat(arrayWithConstant(arrayMin(mapKeys(connect_samples)) - 1, toUInt64(0)), mapValues(mapPopulateSeries(connect_samples)))),
    MODIFY ORDER BY (window_start, region, network, node_id, protocol, role, service_port, local_workload, remote_workload, remote_source, remote_reason, canonical, local_zone, remote_zone, remote_region, remote_service, remote_domain, lane);

ALTER TABLE weir.flows_1h
    ADD COLUMN IF NOT EXISTS local_zone LowCardinality(String),
    ADD COLUMN IF NOT EXISTS remote_zone LowCardinality(String),
    ADD COLUMN IF NOT EXISTS remote_region LowCardinality(String),
    ADD COLUMN IF NOT EXISTS remote_service LowCardinality(String),
    ADD COLUMN IF NOT EXISTS remote_domain LowCardinality(String),
    ADD COLUMN IF NOT EXISTS lane UInt32 CODEC(T64, LZ4),
    ADD COLUMN IF NOT EXISTS connections_refused SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    ADD COLUMN IF NOT EXISTS connections_timed_out SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    ADD COLUMN IF NOT EXISTS rtt_samples SimpleAggregateFunction(sumMap, Map(UInt8, UInt64)) CODEC(LZ4),
    ADD COLUMN IF NOT EXISTS connect_samples SimpleAggregateFunction(sumMap, Map(UInt8, UInt64)) CODEC(LZ4),
    ADD COLUMN IF NOT EXISTS rtt_histogram Array(UInt64) ALIAS if(empty(rtt_samples), [], arrayConcat(arrayWithConstant(arrayMin(mapKeys(rtt_samples)) - 1, toUInt64(0)), mapValues(mapPopulateSeries(rtt_samples)))),
    ADD COLUMN IF NOT EXISTS connect_histogram Array(UInt64) ALIAS if(empty(connect_samples), [], arrayConcat(arrayWithConstant(arrayMin(mapKeys(connect_samples)) - 1, toUInt64(0)), mapValues(mapPopulateSeries(connect_samples)))),
    MODIFY ORDER BY (window_start, region, network, node_id, protocol, role, service_port, local_workload, remote_workload, remote_source, remote_reason, canonical, local_zone, remote_zone, remote_region, remote_service, remote_domain, lane);

-- Edges: canonical flows as client and server, whichever node has seen them. Sent is what the client sent; the reporting side is the client where its
-- role is not known. An end without a name is empty, and `reason` says why. Fed by rows of lanes only: what was there before has lane 0, is carried
-- over by a later step, and keeps lane 0 here.
CREATE TABLE IF NOT EXISTS weir.edges_5m
(
    window_start DateTime('UTC') CODEC(DoubleDelta, LZ4),
    network LowCardinality(String),
    client LowCardinality(String),
    server LowCardinality(String),
    protocol LowCardinality(String),
    service_port UInt16 CODEC(T64, LZ4),
    client_zone LowCardinality(String),
    server_zone LowCardinality(String),
    client_region LowCardinality(String),
    server_region LowCardinality(String),
    server_service LowCardinality(String),
    server_domain LowCardinality(String),
    reason LowCardinality(String),
    lane UInt32 CODEC(T64, LZ4),
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
    connections_refused SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    connections_timed_out SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    rtt_samples SimpleAggregateFunction(sumMap, Map(UInt8, UInt64)) CODEC(LZ4),
    connect_samples SimpleAggregateFunction(sumMap, Map(UInt8, UInt64)) CODEC(LZ4),
    rtt_histogram Array(UInt64) ALIAS if(empty(rtt_samples), [], arrayConcat(arrayWithConstant(arrayMin(mapKeys(rtt_samples)) - 1, toUInt64(0)), mapValues(mapPopulateSeries(rtt_samples)))),
    connect_histogram Array(UInt64) ALIAS if(empty(connect_samples), [], arrayConcat(arrayWithConstant(arrayMin(mapKeys(connect_samples)) - 1, toUInt64(0)), mapValues(mapPopulateSeries(connect_samples)))),
    written_at SimpleAggregateFunction(max, DateTime('UTC')) DEFAULT now() CODEC(DoubleDelta, LZ4)
)
ENGINE = AggregatingMergeTree
PARTITION BY toMonday(window_start)
ORDER BY (window_start, network, client, server, protocol, service_port, client_zone, server_zone, client_region, server_region, server_service, server_domain, reason, lane)
TTL written_at + INTERVAL 1 YEAR
SETTINGS
    ttl_only_drop_parts = 1, non_replicated_deduplication_window = 100000,
    fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;

CREATE TABLE IF NOT EXISTS weir.edges_1h
(
    window_start DateTime('UTC') CODEC(DoubleDelta, LZ4),
    network LowCardinality(String),
    client LowCardinality(String),
    server LowCardinality(String),
    protocol LowCardinality(String),
    service_port UInt16 CODEC(T64, LZ4),
    client_zone LowCardinality(String),
    server_zone LowCardinality(String),
    client_region LowCardinality(String),
    server_region LowCardinality(String),
    server_service LowCardinality(String),
    server_domain LowCardinality(String),
    reason LowCardinality(String),
    lane UInt32 CODEC(T64, LZ4),
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
    connections_refused SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    connections_timed_out SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    rtt_samples SimpleAggregateFunction(sumMap, Map(UInt8, UInt64)) CODEC(LZ4),
    connect_samples SimpleAggregateFunction(sumMap, Map(UInt8, UInt64)) CODEC(LZ4),
    rtt_histogram Array(UInt64) ALIAS if(empty(rtt_samples), [], arrayConcat(arrayWithConstant(arrayMin(mapKeys(rtt_samples)) - 1, toUInt64(0)), mapValues(mapPopulateSeries(rtt_samples)))),
    connect_histogram Array(UInt64) ALIAS if(empty(connect_samples), [], arrayConcat(arrayWithConstant(arrayMin(mapKeys(connect_samples)) - 1, toUInt64(0)), mapValues(mapPopulateSeries(connect_samples)))),
    written_at SimpleAggregateFunction(max, DateTime('UTC')) DEFAULT now() CODEC(DoubleDelta, LZ4)
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(window_start)
ORDER BY (window_start, network, client, server, protocol, service_port, client_zone, server_zone, client_region, server_region, server_service, server_domain, reason, lane)
TTL written_at + INTERVAL 5 YEAR
SETTINGS
    ttl_only_drop_parts = 1, non_replicated_deduplication_window = 100000,
    fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;

CREATE TABLE IF NOT EXISTS weir.edges_1d
(
    window_start DateTime('UTC') CODEC(DoubleDelta, LZ4),
    network LowCardinality(String),
    client LowCardinality(String),
    server LowCardinality(String),
    protocol LowCardinality(String),
    service_port UInt16 CODEC(T64, LZ4),
    client_zone LowCardinality(String),
    server_zone LowCardinality(String),
    client_region LowCardinality(String),
    server_region LowCardinality(String),
    server_service LowCardinality(String),
    server_domain LowCardinality(String),
    reason LowCardinality(String),
    lane UInt32 CODEC(T64, LZ4),
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
    connections_refused SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    connections_timed_out SimpleAggregateFunction(sum, UInt64) CODEC(T64, LZ4),
    rtt_samples SimpleAggregateFunction(sumMap, Map(UInt8, UInt64)) CODEC(LZ4),
    connect_samples SimpleAggregateFunction(sumMap, Map(UInt8, UInt64)) CODEC(LZ4),
    rtt_histogram Array(UInt64) ALIAS if(empty(rtt_samples), [], arrayConcat(arrayWithConstant(arrayMin(mapKeys(rtt_samples)) - 1, toUInt64(0)), mapValues(mapPopulateSeries(rtt_samples)))),
    connect_histogram Array(UInt64) ALIAS if(empty(connect_samples), [], arrayConcat(arrayWithConstant(arrayMin(mapKeys(connect_samples)) - 1, toUInt64(0)), mapValues(mapPopulateSeries(connect_samples)))),
    written_at SimpleAggregateFunction(max, DateTime('UTC')) DEFAULT now() CODEC(DoubleDelta, LZ4)
)
ENGINE = AggregatingMergeTree
PARTITION BY toStartOfQuarter(window_start)
ORDER BY (window_start, network, client, server, protocol, service_port, client_zone, server_zone, client_region, server_region, server_service, server_domain, reason, lane)
TTL written_at + INTERVAL 10 YEAR
SETTINGS
    ttl_only_drop_parts = 1, non_replicated_deduplication_window = 100000,
    fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS weir.edges_1d_feed TO weir.edges_1d AS
SELECT
    toStartOfDay(source.window_start) AS window_start,
    source.network AS network,
    source.client AS client,
    source.server AS server,
    source.protocol AS protocol,
    source.service_port AS service_port,
    source.client_zone AS client_zone,
    source.server_zone AS server_zone,
    source.client_region AS client_region,
    source.server_region AS server_region,
    source.server_service AS server_service,
    source.server_domain AS server_domain,
    source.reason AS reason,
    source.lane AS lane,
    source.flows AS flows,
    source.bytes_sent AS bytes_sent,
    source.bytes_received AS bytes_received,
    source.packets_sent AS packets_sent,
    source.packets_received AS packets_received,
    source.payload_bytes_sent AS payload_bytes_sent,
    source.payload_bytes_received AS payload_bytes_received,
    source.connections_opened AS connections_opened,
    source.connections_closed AS connections_closed,
    source.connections_failed AS connections_failed,
    source.connections_reset AS connections_reset,
    source.retransmits AS retransmits,
    source.rtt_us_sum AS rtt_us_sum,
    source.rtt_us_max AS rtt_us_max,
    source.rtt_count AS rtt_count,
    source.connections_refused AS connections_refused,
    source.connections_timed_out AS connections_timed_out,
    source.rtt_samples AS rtt_samples,
    source.connect_samples AS connect_samples
FROM weir.edges_1h AS source
WHERE source.lane > 0;

CREATE MATERIALIZED VIEW IF NOT EXISTS weir.edges_1h_feed TO weir.edges_1h AS
SELECT
    toStartOfHour(source.window_start) AS window_start,
    source.network AS network,
    source.client AS client,
    source.server AS server,
    source.protocol AS protocol,
    source.service_port AS service_port,
    source.client_zone AS client_zone,
    source.server_zone AS server_zone,
    source.client_region AS client_region,
    source.server_region AS server_region,
    source.server_service AS server_service,
    source.server_domain AS server_domain,
    source.reason AS reason,
    source.lane AS lane,
    source.flows AS flows,
    source.bytes_sent AS bytes_sent,
    source.bytes_received AS bytes_received,
    source.packets_sent AS packets_sent,
    source.packets_received AS packets_received,
    source.payload_bytes_sent AS payload_bytes_sent,
    source.payload_bytes_received AS payload_bytes_received,
    source.connections_opened AS connections_opened,
    source.connections_closed AS connections_closed,
    source.connections_failed AS connections_failed,
    source.connections_reset AS connections_reset,
    source.retransmits AS retransmits,
    source.rtt_us_sum AS rtt_us_sum,
    source.rtt_us_max AS rtt_us_max,
    source.rtt_count AS rtt_count,
    source.connections_refused AS connections_refused,
    source.connections_timed_out AS connections_timed_out,
    source.rtt_samples AS rtt_samples,
    source.connect_samples AS connect_samples
FROM weir.edges_5m AS source
WHERE source.lane > 0;

CREATE MATERIALIZED VIEW IF NOT EXISTS weir.edges_5m_feed TO weir.edges_5m AS
SELECT
    source.window_start AS window_start,
    source.network AS network,
    if(source.role = 'server', source.remote_workload, source.local_workload) AS client,
    if(source.role = 'server', source.local_workload, source.remote_workload) AS server,
    source.protocol AS protocol,
    source.service_port AS service_port,
    if(source.role = 'server', source.remote_zone, source.local_zone) AS client_zone,
    if(source.role = 'server', source.local_zone, source.remote_zone) AS server_zone,
    if(source.role = 'server', source.remote_region, source.region) AS client_region,
    if(source.role = 'server', source.region, source.remote_region) AS server_region,
    if(source.role = 'server', '', source.remote_service) AS server_service,
    if(source.role = 'server', '', source.remote_domain) AS server_domain,
    source.remote_reason AS reason,
    source.lane AS lane,
    source.flows AS flows,
    if(source.role = 'server', source.bytes_received, source.bytes_sent) AS bytes_sent,
    if(source.role = 'server', source.bytes_sent, source.bytes_received) AS bytes_received,
    if(source.role = 'server', source.packets_received, source.packets_sent) AS packets_sent,
    if(source.role = 'server', source.packets_sent, source.packets_received) AS packets_received,
    if(source.role = 'server', source.payload_bytes_received, source.payload_bytes_sent) AS payload_bytes_sent,
    if(source.role = 'server', source.payload_bytes_sent, source.payload_bytes_received) AS payload_bytes_received,
    source.connections_opened AS connections_opened,
    source.connections_closed AS connections_closed,
    source.connections_failed AS connections_failed,
    source.connections_reset AS connections_reset,
    source.retransmits AS retransmits,
    source.rtt_us_sum AS rtt_us_sum,
    source.rtt_us_max AS rtt_us_max,
    source.rtt_count AS rtt_count,
    source.connections_refused AS connections_refused,
    source.connections_timed_out AS connections_timed_out,
    source.rtt_samples AS rtt_samples,
    source.connect_samples AS connect_samples
FROM weir.flows_5m AS source
WHERE source.lane > 0 AND source.canonical;

-- Only the first rollup groups: blocks hold few windows, and what a second grouping would fold costs less to write and to merge. From the coarsest on:
-- what comes through the feed of flows_1m of now finds all the others as they are now, and what comes through that of before has lane 0.
ALTER TABLE weir.flows_1h_feed MODIFY QUERY
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
    source.local_zone AS local_zone,
    source.remote_zone AS remote_zone,
    source.remote_region AS remote_region,
    source.remote_service AS remote_service,
    source.remote_domain AS remote_domain,
    source.lane AS lane,
    source.flows AS flows,
    source.bytes_sent AS bytes_sent,
    source.bytes_received AS bytes_received,
    source.packets_sent AS packets_sent,
    source.packets_received AS packets_received,
    source.payload_bytes_sent AS payload_bytes_sent,
    source.payload_bytes_received AS payload_bytes_received,
    source.connections_opened AS connections_opened,
    source.connections_closed AS connections_closed,
    source.connections_failed AS connections_failed,
    source.connections_reset AS connections_reset,
    source.retransmits AS retransmits,
    source.rtt_us_sum AS rtt_us_sum,
    source.rtt_us_max AS rtt_us_max,
    source.rtt_count AS rtt_count,
    source.connections_refused AS connections_refused,
    source.connections_timed_out AS connections_timed_out,
    source.rtt_samples AS rtt_samples,
    source.connect_samples AS connect_samples
FROM weir.flows_5m AS source;

ALTER TABLE weir.flows_5m_feed MODIFY QUERY
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
    source.local_zone AS local_zone,
    source.remote_zone AS remote_zone,
    source.remote_region AS remote_region,
    source.remote_service AS remote_service,
    source.remote_domain AS remote_domain,
    source.lane AS lane,
    source.flows AS flows,
    source.bytes_sent AS bytes_sent,
    source.bytes_received AS bytes_received,
    source.packets_sent AS packets_sent,
    source.packets_received AS packets_received,
    source.payload_bytes_sent AS payload_bytes_sent,
    source.payload_bytes_received AS payload_bytes_received,
    source.connections_opened AS connections_opened,
    source.connections_closed AS connections_closed,
    source.connections_failed AS connections_failed,
    source.connections_reset AS connections_reset,
    source.retransmits AS retransmits,
    source.rtt_us_sum AS rtt_us_sum,
    source.rtt_us_max AS rtt_us_max,
    source.rtt_count AS rtt_count,
    source.connections_refused AS connections_refused,
    source.connections_timed_out AS connections_timed_out,
    source.rtt_samples AS rtt_samples,
    source.connect_samples AS connect_samples
FROM weir.flows_1m AS source;

ALTER TABLE weir.flows_1m_feed MODIFY QUERY
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
    source.local_zone AS local_zone,
    source.remote_zone AS remote_zone,
    source.remote_region AS remote_region,
    source.remote_service AS remote_service,
    source.registrable_domain AS remote_domain,
    max(toUInt32(2 * source.partition + if(source.topic = 'weir.flows', 1, 2))) AS lane,
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
    sum(source.rtt_count) AS rtt_count,
    sum(source.connections_refused) AS connections_refused,
    sum(source.connections_timed_out) AS connections_timed_out,
    mapFilter((bucket, samples) -> samples > 0, mapFromArrays(CAST(arrayEnumerate(sumForEach(source.rtt_histogram) AS rtt_sum), 'Array(UInt8)'), rtt_sum)) AS rtt_samples,
    mapFilter((bucket, samples) -> samples > 0, mapFromArrays(CAST(arrayEnumerate(sumForEach(source.connect_histogram) AS connect_sum), 'Array(UInt8)'), connect_sum)) AS connect_samples
FROM weir.flows AS source
GROUP BY toStartOfMinute(source.window_start), source.region, source.network, source.node_id, source.protocol, source.role, source.service_port, source.local_workload, source.remote_workload, source.remote_source, source.remote_reason, source.canonical, source.local_zone, source.remote_zone, source.remote_region, source.remote_service, source.registrable_domain;
