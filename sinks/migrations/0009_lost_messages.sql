-- Messages of a partition that Kafka dropped before they were read: how many offsets they took. What was in them is not known.
ALTER TABLE weir.losses ADD COLUMN IF NOT EXISTS messages UInt64 CODEC(T64, LZ4) AFTER bytes;
