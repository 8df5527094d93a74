"""Answers against a known truth: `make bench-answers`."""
