"""The whole road on real parts: agents, Apache Kafka, workers, the ClickHouse engine."""
