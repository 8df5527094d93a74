"""Settings of the weir command: names, sources, texts to values."""
