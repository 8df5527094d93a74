"""Workers: from flow batches on Kafka to named flows in ClickHouse and on the downstream topic."""
