"""The `weir` command: wires the parts together and holds no rules of its own."""
