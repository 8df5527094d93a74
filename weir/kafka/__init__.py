"""Kafka for commands: clients, topics, following and publishing."""
