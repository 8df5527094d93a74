"""Failures at an address that nobody has: they are the last owner's, if nobody had the address after it.

A server that has ended, with all of its processes, holds no address, and what its clients try then goes to an end without a name. That a
stranger answers there would be a wrong name; that nobody does is what became of the server.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

REASONS = ("gap", "unknown")
"""Of ends that nobody is known to have had then. `ambiguous` and `shared` ones had somebody."""


def unanswered(rows: pa.Table) -> pa.Array:
    """Of rows without a name, whether nothing that was tried succeeded. A RST is an answer of a machine, of no server."""
    tried = pc.or_(pc.greater(rows["failed"], 0), pc.equal(rows["packets_received"], 0))
    return pc.and_(pc.and_(tried, pc.equal(rows["opened"], 0)), pc.is_in(rows["maybe"], pa.array(REASONS)))


def last_owned(rows: pa.Table, owners: pa.Table, workload: str) -> pa.Array:
    """Of rows with `address` and `first_us`, whether `workload` had the address last before. `owners`: workload, address, start_us."""
    found = np.zeros(rows.num_rows, np.bool_)
    addresses, first_us = np.array(rows["address"].to_pylist(), object), np.asarray(rows["first_us"].to_numpy(), np.int64)
    ordered = owners.sort_by([("start_us", "ascending")])
    for row in ordered.to_pylist():  # a later owner overrules those before it
        found[(addresses == row["address"]) & (first_us > row["start_us"])] = row["workload"] == workload
    return pa.array(found)
