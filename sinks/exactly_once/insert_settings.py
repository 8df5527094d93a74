"""The settings of an exactly-once INSERT, none of them left to a server's default: defaults differ between versions.

ClickHouse recognises a repeated block by table, partition and token, as long as one INSERT stays one block. So the
token names the messages that the block stands for, and every limit at which a block would be cut is out of reach.
"""

from __future__ import annotations

from schemas.records.tables import BlockIdentity
from sinks.engines.base import Settings

_OUT_OF_REACH = 1 << 40

ONE_BLOCK: dict[str, str | int] = {
    "max_insert_block_size": _OUT_OF_REACH,
    "min_insert_block_size_rows": _OUT_OF_REACH,
    "min_insert_block_size_bytes": 0,
    "min_insert_block_size_rows_for_materialized_views": _OUT_OF_REACH,
    "min_insert_block_size_bytes_for_materialized_views": 0,
    "max_block_size": 1 << 31,
    "max_threads": 1,
    "max_insert_threads": 1,
    "parallel_view_processing": 0,
    "max_partitions_per_insert_block": 0,
}
_DEDUPLICATED: dict[str, str | int] = {
    "async_insert": 0,
    "wait_for_async_insert": 1,
    "insert_deduplicate": 1,
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    "materialized_views_ignore_errors": 0,
}
A_SET: dict[str, str | int] = {
    "async_insert": 0,
    "insert_deduplicate": 0,
    "max_threads": 1,  # one file or connection is read by one thread in any case: more are begun for nothing
    "max_insert_threads": 1,
    "max_partitions_per_insert_block": 0,
}
"""For rows that say the same however often they are written, and whatever of a block is missing: it is made and written again."""
_WHERE_KNOWN: dict[str, str | int] = {
    # Newer names for the same: they would otherwise overrule the older ones.
    "deduplicate_insert": "enable",
    "deduplicate_insert_select": "force_enable",
    # What a view has grouped is not folded a second time before it is written: a sixth of what the engine does for a block.
    "optimize_on_insert": 0,
}
OPTIONAL = frozenset(_WHERE_KNOWN)
REQUIRED = frozenset({*ONE_BLOCK, *_DEDUPLICATED, "insert_deduplication_token"})
"""A server that does not know one of them would ignore it in silence."""


def insert_settings(identity: BlockIdentity, table: str, known: frozenset[str] = OPTIONAL) -> Settings:
    """Settings for the INSERT of the identity's block into the table; `known` are those of `OPTIONAL` that the server has."""
    newer = {name: value for name, value in _WHERE_KNOWN.items() if name in known}
    return {**ONE_BLOCK, **_DEDUPLICATED, **newer, "insert_deduplication_token": f"{table}:{identity.token}"}
