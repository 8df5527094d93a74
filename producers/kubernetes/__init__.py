"""What an API server of Kubernetes says: lists, watches, and which workload a pod belongs to."""
