"""What a record looks like on Kafka: Avro schemas, framing, encoding."""
