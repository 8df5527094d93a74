-- Which block a row came with: a block that is built again must leave out its own rows when it asks what is known, and no others,
-- even where a rewound consumer group has cut the same messages into other blocks. 0: written before this step.
ALTER TABLE weir.flows ADD COLUMN IF NOT EXISTS block UInt64 CODEC(ZSTD(1)) AFTER topic;
ALTER TABLE weir.losses ADD COLUMN IF NOT EXISTS block UInt64 CODEC(ZSTD(1)) AFTER topic;
ALTER TABLE weir.batches ADD COLUMN IF NOT EXISTS block UInt64 CODEC(ZSTD(1)) AFTER topic;
