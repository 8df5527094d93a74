"""For programs that consume weir.attributed: every flow once."""
