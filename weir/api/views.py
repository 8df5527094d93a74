"""Saved views: a name, the page's address, and whose they are. A small file beside the console; without a place for one, until it ends."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.errors import SettingError, Unavailable
from weir.api.problems import Problem, bad_parameter

_TABLE = """
CREATE TABLE IF NOT EXISTS views (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, address TEXT NOT NULL, owner TEXT NOT NULL, shared INTEGER NOT NULL,
    saved_s INTEGER NOT NULL, groups TEXT NOT NULL
)
"""
VIEWS_LIMIT = 1_000
NAME_LENGTH, ADDRESS_LENGTH = 120, 8_000
BODY_BYTES = 40_000


class NewView(BaseModel):
    """What is saved: `address` is a page's, relative to the base."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: str = Field(min_length=1, max_length=NAME_LENGTH, description="what it is called")
    address: str = Field(min_length=1, max_length=ADDRESS_LENGTH, description="a page's, relative to the base: map?q=client=checkout")
    shared: bool = Field(False, description="others of the same groups see it, too")


async def read_view(content: AsyncIterator[bytes]) -> NewView:
    """Raises Problem."""
    parts, size = [], 0
    async for part in content:
        parts.append(part)
        size += len(part)
        if size > BODY_BYTES:
            raise Problem(413, "It is too long", f"A view has {BODY_BYTES} bytes at most: shorten its address.")
    try:
        return NewView.model_validate_json(b"".join(parts))
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "the body"
        raise bad_parameter(name, f"The view cannot be saved, {name} is wrong: {first['msg']}.") from None


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
        try:
            self._store = sqlite3.connect(":memory:" if path is None else path, check_same_thread=False, isolation_level=None)
            self._store.execute(_TABLE)
        except sqlite3.Error as error:
            raise SettingError(f"WEIR_CONSOLE_VIEWS={path} cannot be used ({error}): name a file that this user may write to.") from None

    def seen_by(self, owner: str, groups: tuple[str, ...]) -> list[SavedView]:
        """His own, and those shared by people with the same groups: what they name lies within the same scope."""
        with self._using():
            rows = self._store.execute(
                "SELECT id, name, address, owner, shared, saved_s FROM views WHERE owner = ? OR shared AND groups = ? "
                "ORDER BY saved_s DESC, id DESC",
                (owner, _joined(groups)),
            ).fetchall()
        return [SavedView(number, name, address, who, bool(shared), saved) for number, name, address, who, shared, saved in rows]

    def save(self, view: NewView, owner: str, groups: tuple[str, ...]) -> int:
        """The new view's id. Raises Problem."""
        name, address = view.name.strip(), view.address
        if not name or not name.isprintable():
            raise bad_parameter("name", f"A view's name has 1 to {NAME_LENGTH} characters that can be printed.")
        if ":" in address.partition("?")[0] or address.startswith(("/", "\\")) or not address.isprintable():
            raise bad_parameter("address", "A view's address is one of the console's own pages, as in map?q=client=checkout.")
        with self._using():
            if self._store.execute("SELECT count(*) FROM views").fetchone()[0] >= VIEWS_LIMIT:
                raise Problem(409, "The view cannot be saved", f"There are {VIEWS_LIMIT} views already: remove some.")
            row = (name, address, owner, view.shared, int(time.time()), _joined(groups))
            made = self._store.execute("INSERT INTO views (name, address, owner, shared, saved_s, groups) VALUES (?, ?, ?, ?, ?, ?)", row)
            return int(made.lastrowid or 0)

    def remove(self, number: int, owner: str) -> None:
        """Raises Problem where it is not his, or is none."""
        with self._using():
            if number >= 2**63 or not self._store.execute("DELETE FROM views WHERE id = ? AND owner = ?", (number, owner)).rowcount:
                raise Problem(404, "There is no such view", f"You have no view with the number {number}.")

    def close(self) -> None:
        self._store.close()

    @contextlib.contextmanager
    def _using(self) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except sqlite3.Error as error:
                raise Unavailable(
                    f"The file of saved views cannot be used now ({error}): look at its disk and at WEIR_CONSOLE_VIEWS."
                ) from None


def _joined(groups: tuple[str, ...]) -> str:
    return json.dumps(sorted(groups))
