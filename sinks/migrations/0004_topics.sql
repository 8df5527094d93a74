-- Offsets are counted per topic: rows tell which one they came from, since a region reads what others forward to it as well.
ALTER TABLE weir.flows ADD COLUMN IF NOT EXISTS topic LowCardinality(String) DEFAULT 'weir.flows' AFTER first_offset;
ALTER TABLE weir.losses ADD COLUMN IF NOT EXISTS topic LowCardinality(String) DEFAULT 'weir.flows' AFTER first_offset;
ALTER TABLE weir.batches ADD COLUMN IF NOT EXISTS topic LowCardinality(String) DEFAULT 'weir.flows' AFTER first_offset;
