"""Creates and upgrades the tables: numbered SQL files and a step in Python, and a table of those that have been applied."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources

from schemas.errors import Unavailable, WeirError
from sinks import carry_over
from sinks.engines.base import DATABASE, Engine

logger = logging.getLogger(__name__)

OLDEST_SERVER = (25, 3)
"""Versions before it carried tokens into rollups in other ways. 26.9 is the one that the tests run on."""

_LEDGER = f"""CREATE TABLE IF NOT EXISTS {DATABASE}.migrations (name String, applied_at DateTime('UTC') DEFAULT now())
ENGINE = ReplacingMergeTree(applied_at) ORDER BY name
SETTINGS
    fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1"""
"""Synced, as the other tables are: a migration whose row alone is lost would be repeated over what later ones have made."""

_NEEDS = re.compile(r"^-- Where the server knows the setting (\w+)(?: with (\w+))?", re.MULTILINE)
_IF_ALLOWED = re.compile(r"^-- Where this user may create functions", re.MULTILINE)
_BEFORE = re.compile(r"^-- Where there is no table (\w+) yet", re.MULTILINE)


@dataclass(frozen=True)
class Migration:
    """One SQL file, or work in Python, which may be repeated too; its name sorts where it belongs: `0001_flows`."""

    name: str
    sql: str = ""
    work: Callable[[Engine], None] | None = None

    @property
    def statements(self) -> tuple[str, ...]:
        """The file's statements. A semicolon ends one wherever it stands outside a comment: the files hold none in strings."""
        lines = (line for line in self.sql.splitlines() if not line.lstrip().startswith("--"))
        return tuple(text.strip() for text in "\n".join(lines).split(";") if text.strip())

    @property
    def needs(self) -> tuple[str, str] | None:
        """The setting of tables that the server must know, and a word of its value ("" for any); where not, nothing is done."""
        found = _NEEDS.search(self.sql)
        return (found.group(1), found.group(2) or "") if found else None

    @property
    def may_be_refused(self) -> bool:
        """Whether weir does without it where the user lacks the right."""
        return bool(_IF_ALLOWED.search(self.sql))

    @property
    def successor(self) -> str | None:
        """The table of a later step that undoes what this one would do again; where it is there, nothing is done."""
        found = _BEFORE.search(self.sql)
        return found.group(1) if found else None


def known() -> tuple[Migration, ...]:
    """All migrations of this version of weir, in order."""
    files = sorted((f for f in resources.files("sinks.migrations").iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    steps = [Migration(f.name.removesuffix(".sql"), f.read_text(encoding="utf-8")) for f in files]
    return tuple(sorted([*steps, Migration(carry_over.NAME, work=carry_over.run)], key=lambda step: step.name))


def pending(engine: Engine, migrations: tuple[Migration, ...] | None = None) -> tuple[str, ...]:
    """Names of migrations not applied yet. `WeirError` when a newer weir has been here."""
    return tuple(m.name for m in _missing(engine, migrations or known()))


def migrate(engine: Engine, migrations: tuple[Migration, ...] | None = None) -> tuple[str, ...]:
    """Applies what is missing, in order; the names of those. Each is recorded once all its statements are done."""
    missing = _missing(engine, migrations or known())
    if missing:
        engine.execute(f"CREATE DATABASE IF NOT EXISTS {DATABASE}")
        engine.execute(_LEDGER)
    for migration in missing:
        _apply(engine, migration)
        engine.execute(f"INSERT INTO {DATABASE}.migrations (name) VALUES ('{migration.name}')")  # noqa: S608 (our own file name)
    return tuple(m.name for m in missing)


def rows_to_carry(engine: Engine) -> int:
    """What the step has before it that carries rows over; 0 where it is done, and where its tables are not there yet."""
    if carry_over.NAME not in pending(engine) or not _is_there(engine, carry_over.EDGES[-1].name):
        return 0
    return carry_over.rows_to_carry(engine)


def _apply(engine: Engine, migration: Migration) -> None:
    try:
        for statement in migration.statements if _suits(engine, migration) else ():
            engine.execute(statement)
    except Unavailable:
        raise
    except WeirError as error:
        if not migration.may_be_refused:
            raise
        logger.warning("%s is left out, and nothing of weir needs it: %s", migration.name, error)
    if migration.work is not None:
        migration.work(engine)


def _suits(engine: Engine, migration: Migration) -> bool:
    """Only a setting of tables that makes them cheaper, and that older servers do not have, may be left out; and what was done before."""
    if migration.successor is not None and _is_there(engine, migration.successor):
        return False
    if migration.needs is None:
        return True
    name, word = migration.needs
    known = f"SELECT 1 AS known FROM system.merge_tree_settings WHERE name = '{name}' AND position(value, '{word}') > 0"  # noqa: S608
    return bool(engine.query(known).num_rows)


def _is_there(engine: Engine, table: str) -> bool:
    return bool(engine.query(f"SELECT name FROM system.tables WHERE database = '{DATABASE}' AND name = '{table}'").num_rows)  # noqa: S608


def _missing(engine: Engine, migrations: tuple[Migration, ...]) -> tuple[Migration, ...]:
    _check_version(engine)
    applied = _applied(engine)
    newest = migrations[-1].name
    unknown = sorted(name for name in applied if name not in {m.name for m in migrations})
    if unknown:
        raise WeirError(f"{engine.name} stands at {unknown[-1]}, which this weir does not know (its newest is {newest}): upgrade weir.")
    return tuple(m for m in migrations if m.name not in applied)


def _check_version(engine: Engine) -> None:
    version = str(engine.query("SELECT version() AS version").column("version")[0].as_py())
    numbers = tuple(int(part) for part in version.split(".")[:2])
    if numbers < OLDEST_SERVER:
        oldest = ".".join(map(str, OLDEST_SERVER))
        raise WeirError(f"{engine.name} has version {version}: weir needs {oldest} or newer, which recognise repeated blocks in rollups.")


def _applied(engine: Engine) -> set[str]:
    if not _is_there(engine, "migrations"):
        return set()
    return set(engine.query(f"SELECT DISTINCT name FROM {DATABASE}.migrations").column("name").to_pylist())  # noqa: S608
