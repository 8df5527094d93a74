"""Which workloads live on the node, and which addresses and ports they hold."""
