"""Flows of addresses in other regions: split off, kept in an outbox on disk, sent."""
