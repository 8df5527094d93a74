"""What one window came to: drained counters, heartbeats and losses as batches."""
