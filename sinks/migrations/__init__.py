"""Versioned SQL, one file a step, applied in the order of their names and never edited once released.

ClickHouse has no transactions over DDL: every statement must be one that does nothing the second time (`IF NOT EXISTS`),
so that a step which was cut short, or runs twice at once, ends well.
"""
