"""Tables for people: columns fitted to the terminal, or as wide as their text where there is none."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Iterable, Sequence

from weir.output.stdout import write

UNBOUNDED = 10_000


def show_table(names: Sequence[str], rows: Iterable[Sequence[str]], numeric: Sequence[bool] | None = None) -> None:
    """Prints to stdout; columns marked numeric stand to the right. Text is shown as it is, never read as markup."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    terminal = sys.stdout is not None and sys.stdout.isatty()
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for index, name in enumerate(names):
        right = bool(numeric and numeric[index])
        table.add_column(Text(name), justify="right" if right else "left", no_wrap=not terminal, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    width = shutil.get_terminal_size().columns if terminal else UNBOUNDED
    shown = io.StringIO()  # rich writes to no descriptor: a full one is `write`'s to report
    Console(file=shown, width=width, highlight=False, force_terminal=terminal).print(table)
    write("\n".join(line.rstrip() for line in shown.getvalue().splitlines()))


def printable(text: str) -> str:
    """The text without control characters: what a workload is called must not move somebody's cursor."""
    return text if text.isprintable() else "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
