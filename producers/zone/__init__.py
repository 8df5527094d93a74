"""The zone of the node, as its cloud calls it."""
