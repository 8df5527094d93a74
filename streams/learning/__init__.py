"""Ownership learned from heartbeats, ahead of the consumer group: a consumer, watermarks, the changelog."""
