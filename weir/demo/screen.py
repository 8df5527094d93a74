"""Where the demo writes: a terminal gets a table that lives, anything else gets lines."""

from __future__ import annotations

import sys
from typing import Protocol

from rich.console import Console
from rich.live import Live

from weir.demo.readings import Reading
from weir.demo.view import live, located, window_line


class Screen(Protocol):
    def say(self, text: str) -> None:
        """One line of plain words."""
        ...

    def locate(self, url: str) -> None:
        """Where the console is."""
        ...

    def show(self, reading: Reading) -> None:
        """The newest reading."""
        ...

    def close(self) -> None:
        """Leaves what was last shown in place. Safe to call twice."""
        ...


class Lines:
    """For pipes and files: a line per window, no colours, nothing that moves."""

    def say(self, text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def locate(self, url: str) -> None:
        self.say(located(url))

    def show(self, reading: Reading) -> None:
        for window in reading.windows:
            self.say(window_line(window, reading.totals))

    def close(self) -> None:
        return None


class Terminal:
    """For people: what is said scrolls by above a table that is drawn over and over."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._remark = ""
        self._url = ""
        self._reading = Reading()

    def say(self, text: str) -> None:
        self._remark = text
        if self._live is None:
            self._console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            self._draw()

    def locate(self, url: str) -> None:
        self._url = url
        if self._live is None:
            self._console.print(located(url), style="bold", markup=False, highlight=False, soft_wrap=True)
        else:
            self._draw()

    def show(self, reading: Reading) -> None:
        self._reading = reading
        if not reading.edges:
            return
        if self._live is None:
            self._console.print()
            self._live = Live(console=self._console, auto_refresh=False)
            self._live.start()
        self._draw()

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _draw(self) -> None:
        if self._live is not None:
            self._live.update(live(self._reading, self._remark, self._url), refresh=True)


def open_screen() -> Screen:
    """The screen that fits stdout."""
    console = Console(file=sys.stdout)
    return Terminal(console) if console.is_terminal and not console.is_dumb_terminal else Lines()
