-- Where there is no table ownership_rests yet: the step that makes it changes the order of ownership_ranges and the view again.

-- Which node said so, and since when the tables have known it.
ALTER TABLE weir.ownership_ranges
    ADD COLUMN IF NOT EXISTS node_id LowCardinality(String),
    ADD COLUMN IF NOT EXISTS learned_at SimpleAggregateFunction(min, DateTime('UTC')) DEFAULT written_at CODEC(DoubleDelta, LZ4),
    MODIFY ORDER BY (network, ip, port, protocol, workload, source, start, node_id);

-- Assigned and unassigned events, as a set: every worker writes all that it reads, and what is there twice merges.
CREATE TABLE IF NOT EXISTS weir.ip_events
(
    network LowCardinality(String),
    ip IPv6 CODEC(ZSTD(1)),
    at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    assigned Bool,
    workload LowCardinality(String),
    learned_at SimpleAggregateFunction(min, DateTime('UTC')) DEFAULT now() CODEC(DoubleDelta, LZ4),
    written_at SimpleAggregateFunction(max, DateTime('UTC')) DEFAULT now() CODEC(DoubleDelta, LZ4)
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (network, ip, at, assigned, workload)
TTL written_at + INTERVAL 1 YEAR
SETTINGS ttl_only_drop_parts = 1;

-- One owner's ranges that touch or overlap, as one node told them, are one range, however often and in whatever pieces they were learned.
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
                network, ip, port, protocol, workload, source, node_id, start AS piece_start,
                max(`end`) AS piece_end, min(learned_at) AS piece_learned
            FROM weir.ownership_ranges
            GROUP BY network, ip, port, protocol, workload, source, node_id, start
        )
    )
)
GROUP BY network, ip, port, protocol, workload, source, node_id, island;

-- The rules of the workers' ranges_of_events, in microseconds: an assignment ends with its own end, but at most a minute past
-- the next sign of another owner (of another assignment or of a heartbeat), with that sign where its end was lost, and never
-- (4611686018427387904, shown as 2106-02-07 06:28:16) where there is neither. They follow from the set of all events, so that a
-- late one corrects what was shown before it came.
CREATE OR REPLACE VIEW weir.ownership_by_events AS
WITH
    known AS
    (
        SELECT
            network, ip, toUnixTimestamp64Micro(at) AS at_us, assigned, toString(workload) AS workload,
            toInt64(toUnixTimestamp(min(learned_at))) AS learned
        FROM weir.ip_events
        GROUP BY network, ip, at, assigned, workload
    ),
    signs AS
    (
        SELECT network, ip, at_us AS sign_us, workload AS other FROM known WHERE assigned AND workload != ''
        UNION ALL
        SELECT
            network, ip,
            arrayJoin([toUnixTimestamp64Micro(start), greatest(toUnixTimestamp64Micro(start), toUnixTimestamp64Micro(`end`) - 60000000)]) AS sign_us,
            toString(workload) AS other
        FROM weir.ownership_by_heartbeats
        WHERE port = 0 AND (network, ip) IN (SELECT network, ip FROM weir.ip_events)
    ),
    rivals AS (SELECT network, ip, groupArray((sign_us, other)) AS all_signs FROM signs GROUP BY network, ip),
    told AS
    (
        SELECT network, ip, arraySort(groupArray((at_us, assigned, workload, learned))) AS all_events
        FROM known WHERE NOT assigned OR workload != '' GROUP BY network, ip
    ),
    owners AS
    (
        SELECT
            told.network AS network, told.ip AS ip,
            arrayJoin(arrayDistinct(arrayMap(e -> e.3, arrayFilter(e -> e.2, told.all_events)))) AS owner,
            arrayFilter(e -> e.3 IN (owner, ''), told.all_events) AS events,
            arraySort(arrayMap(s -> s.1, arrayFilter(s -> s.2 != owner, rivals.all_signs))) AS others
        FROM told INNER JOIN rivals ON told.network = rivals.network AND told.ip = rivals.ip
    ),
    folded AS
    (
        -- The range that is open (or -1), the next sign of another owner after it, when it was learned; and the ranges that ended.
        -- One more beginning after all time ends what is still open.
        SELECT
            network, ip, owner,
            arrayFold(
                (state, e) -> (
                    multiIf(e.2 AND (state.1 < 0 OR state.2 <= e.1), e.1, NOT e.2, toInt64(-1), state.1),
                    if(e.2 AND (state.1 < 0 OR state.2 <= e.1), ifNull(arrayFirstOrNull(o -> o > e.1, others), toInt64(4611686018427387904)), state.2),
                    if(e.2 AND (state.1 < 0 OR state.2 <= e.1), e.4, state.3),
                    if(
                        state.1 >= 0 AND (NOT e.2 OR state.2 <= e.1),
                        arrayPushBack(state.4, (state.1, if(e.2, state.2, least(e.1, state.2 + 60000000)), state.3)),
                        state.4
                    )
                ),
                arrayPushBack(events, (toInt64(4611686018427387904), true, '', toInt64(0))),
                (toInt64(-1), toInt64(0), toInt64(0), CAST([], 'Array(Tuple(Int64, Int64, Int64))'))
            ) AS state
        FROM owners
    ),
    ranges AS (SELECT network, ip, owner, arrayJoin(arrayFilter(r -> r.1 < r.2, state.4)) AS held FROM folded)
SELECT
    network, ip, toLowCardinality(owner) AS workload,
    fromUnixTimestamp64Micro(held.1, 'UTC') AS start,
    fromUnixTimestamp64Micro(least(held.2, toInt64(4294967296000000)), 'UTC') AS `end`,
    toLowCardinality('ip_event') AS source, toUInt16(0) AS port, toLowCardinality('') AS protocol, toLowCardinality('') AS node_id,
    toDateTime(held.3, 'UTC') AS learned_at
FROM ranges;

CREATE OR REPLACE VIEW weir.ownership AS
SELECT network, ip, workload, start, `end`, source, port, protocol, node_id, learned_at FROM weir.ownership_by_heartbeats
UNION ALL
SELECT network, ip, workload, start, `end`, source, port, protocol, node_id, learned_at FROM weir.ownership_by_events;
