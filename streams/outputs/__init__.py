"""What a worker writes besides flows: Kafka messages, ranges of IP events."""
