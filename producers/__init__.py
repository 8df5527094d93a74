"""The agent: from the kernel's counters to batches on Kafka, through a spool that survives a crash."""
