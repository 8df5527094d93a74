"""`weir watcher`: services and their backends, workloads and nodes of a cluster, told to Kafka."""
