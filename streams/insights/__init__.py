"""Answers to what people ask, computed from sums: Arrow tables in, Arrow tables out, no I/O."""
