"""One file a command: its options, and the calls into the parts that do the work."""
