-- Spans of time that were taken out of the tables to be made anew from Kafka: each partition that was rewound for it, and how far
-- it has come ('begun', then 'done' or 'withdrawn'). The number is part of every later block's token: ClickHouse remembers the old
-- ones, and would leave the same messages' rows out.
CREATE TABLE IF NOT EXISTS weir.recomputations
(
    number UInt64,
    state LowCardinality(String),
    span_start DateTime('UTC'),
    span_end DateTime('UTC'),
    topic LowCardinality(String),
    topic_id String,
    `partition` UInt32,
    first_offset UInt64,
    until_offset UInt64,
    written_at DateTime('UTC') DEFAULT now()
)
ENGINE = MergeTree
ORDER BY number;
