"""Saved views: a name, the page's address, and whose they are. A small file beside the console; without a place for one, until it ends."""

from __future__ import annotations

import sqlite3
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from weir.api.problems import Problem

_TABLE = """
CREATE TABLE IF NOT EXISTS views (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, address TEXT NOT NULL, owner TEXT NOT NULL, shared INTEGER NOT NULL,
    saved_s INTEGER NOT NULL, groups TEXT NOT NULL
)
"""
VIEWS_LIMIT = 1_000
NAME_LENGTH, ADDRESS_LENGTH = 120, 8_000


@dataclass(frozen=True)
class SavedView:
    """`address`: the page's, relative to the base. `shared`: others of the owner's groups see it, too."""

    id: int
    name: str
    address: str
    owner: str
    shared: bool
    saved_s: int


class Views:
    """`path`: None keeps them in memory."""

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.Lock()
        self._store = sqlite3.connect(":memory:" if path is None else path, check_same_thread=False, isolation_level=None)
        self._store.execute(_TABLE)

    def seen_by(self, owner: str, groups: tuple[str, ...]) -> list[SavedView]:
        """His own, and those shared by people with the same groups: what they name lies within the same scope."""
        with self._lock:
            rows = self._store.execute(
                "SELECT id, name, address, owner, shared, saved_s FROM views WHERE owner = ? OR shared AND groups = ? "
                "ORDER BY saved_s DESC, id DESC",
                (owner, ",".join(sorted(groups))),
            ).fetchall()
        return [SavedView(number, name, address, who, bool(shared), saved) for number, name, address, who, shared, saved in rows]

    def save(self, name: str, address: str, owner: str, groups: tuple[str, ...], shared: bool) -> int:
        """The new view's id. Raises Problem."""
        if not 0 < len(name.strip()) <= NAME_LENGTH or not name.isprintable():
            raise Problem(400, "The view cannot be saved", f"A view's name has 1 to {NAME_LENGTH} characters that can be printed.")
        if not 0 < len(address) <= ADDRESS_LENGTH or "://" in address or address.startswith(("/", "\\")):
            raise Problem(
                400, "The view cannot be saved", "A view's address is one of the console's own pages, as in map?q=client=checkout."
            )
        with self._lock:
            if self._store.execute("SELECT count(*) FROM views").fetchone()[0] >= VIEWS_LIMIT:
                raise Problem(409, "The view cannot be saved", f"There are {VIEWS_LIMIT} views already: remove some.")
            row = (name.strip(), address, owner, shared, int(time.time()), ",".join(sorted(groups)))
            made = self._store.execute("INSERT INTO views (name, address, owner, shared, saved_s, groups) VALUES (?, ?, ?, ?, ?, ?)", row)
            return int(made.lastrowid or 0)

    def remove(self, number: int, owner: str) -> None:
        """Raises Problem where it is not his, or is none."""
        with self._lock:
            if not self._store.execute("DELETE FROM views WHERE id = ? AND owner = ?", (number, owner)).rowcount:
                raise Problem(404, "There is no such view", f"You have no view with the number {number}.")

    def close(self) -> None:
        self._store.close()
