"""What of a batch is new: flow keys and complete windows, restored from the tables."""
