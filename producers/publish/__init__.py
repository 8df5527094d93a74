"""From the spool to Kafka."""
