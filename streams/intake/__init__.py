"""From Kafka to messages that may be applied: consumer, decoding, partition queues, the hold."""
