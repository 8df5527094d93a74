"""Recordings played to Kafka."""
