"""Bytes by pair of workloads in SQLite, exact through crashes of anybody, from weir.attributed.

    python infra/examples/attributed_totals.py kafka-1:9092 totals.sqlite
    python infra/examples/attributed_totals.py kafka-1:9092 totals.sqlite --set security.protocol=ssl

Start as many as the topic has partitions, over one database. Kill them at any instant, and start them again.
"""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from contextlib import closing
from typing import Any

import click

from streams.client.attributed_consumer import AttributedConsumer, Taken

TABLES = """
CREATE TABLE IF NOT EXISTS places (partition INTEGER PRIMARY KEY, state TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS totals (client TEXT, server TEXT, flows INTEGER, bytes INTEGER, PRIMARY KEY (client, server));
"""
REPLACE = """
INSERT INTO places VALUES (:partition, :after)
ON CONFLICT (partition) DO UPDATE SET state = excluded.state WHERE places.state = :before
"""
ADD = """
INSERT INTO totals VALUES (?, ?, ?, ?)
ON CONFLICT (client, server) DO UPDATE SET flows = totals.flows + excluded.flows, bytes = totals.bytes + excluded.bytes
"""


@click.command()
@click.argument("bootstrap")
@click.argument("database")
@click.option("--group", default="attributed-totals", show_default=True)
@click.option("--set", "more", multiple=True, metavar="NAME=VALUE", help="A setting of librdkafka.")
@click.option("--idle", type=float, default=float("inf"), metavar="S", help="End when nothing has come for S seconds.")
def main(bootstrap: str, database: str, group: str, more: tuple[str, ...], idle: float) -> None:
    """Adds up canonical flows until it is stopped."""
    config: dict[str, Any] = {"bootstrap.servers": bootstrap, "group.id": group, **dict(pair.split("=", 1) for pair in more)}
    with closing(sqlite3.connect(database, timeout=30, isolation_level=None)) as db:
        db.executescript(TABLES)
        with AttributedConsumer(config, lambda partition: stored_state(db, partition)) as consumer:
            heard = time.monotonic()
            while time.monotonic() - heard < idle:
                taken = consumer.poll(0.5)
                if taken.moved:
                    store(db, taken)
                    heard = time.monotonic()


def stored_state(db: sqlite3.Connection, partition: int) -> str:
    row = db.execute("SELECT state FROM places WHERE partition = ?", (partition,)).fetchone()
    return str(row[0]) if row else ""


def store(db: sqlite3.Connection, taken: Taken) -> None:
    """Totals and states in one transaction; neither, where another process has gone on with one of the partitions."""
    flows, sizes = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for flow in taken.flows():
        if flow["canonical"]:
            ends = flow["local_workload"], flow["remote_workload"]
            pair = ends[::-1] if flow["role"] == "server" else ends
            flows[pair] += 1
            sizes[pair] += flow["bytes_sent"] + flow["bytes_received"]
    db.execute("BEGIN IMMEDIATE")
    try:
        for partition, moved in taken.moved.items():
            changed = db.execute(REPLACE, {"partition": partition, "before": moved.before, "after": moved.after}).rowcount
            if changed != 1:
                raise click.ClickException(f"partition {partition} is another process's by now: start again")
        db.executemany(ADD, [(*pair, flows[pair], sizes[pair]) for pair in flows])
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise


if __name__ == "__main__":
    main()
