"""The whole road in one terminal: embedded Kafka, agents, a worker, chDB and traffic to look at."""
