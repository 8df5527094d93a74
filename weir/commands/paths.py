"""`weir paths`: a list of paths that must be, and must not, as a deployment's check."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click import Choice, argument, option

from weir.output.stdout import write_lines
from weir.settings.options import Run
from weir.settings.options import command as make

if TYPE_CHECKING:
    from weir.answers.paths import Checked

SHOWN = {"holds": "holds", "violated": "VIOLATED", "unknown": "unknown"}


@make("paths")
@argument("file", type=click.Path(path_type=Path))
@option("--at", metavar="INSTANT", default="now", show_default=True, help="The end of what is looked at.")
@option("--format", "form", type=Choice(("table", "json")), default="table", show_default=True, help="json is one object a line.")
def command(run: Run, file: Path, at: str, form: str) -> int:
    """Whether the paths of a TOML FILE are as they must be: [[must]] and [[must_not]] with client, server[:port], and, where the usual ones
    will not do, protocol (tcp) and within (15m), the time before now that is looked at.

    Status 0: all hold. 1: one does not. 3: none is violated, but some are not known, or the tables cannot be asked.
    """
    from sinks.queries.status import ask_oldest
    from weir.answers.paths import check, read_rules
    from weir.checks import checked
    from weir.query_options import read_instant
    from weir.reading import opened_engine

    settings, rules = run.settings(), read_rules(file)
    now_s = read_instant("at", at, int(time.time()) // settings.window_seconds * settings.window_seconds)

    def find() -> list[Checked]:
        with opened_engine(settings) as engine:
            oldest = ask_oldest(engine.ask)
            return [check(engine.ask, oldest, rule, now_s) for rule in rules]

    return checked(find, _show_json if form == "json" else _show, _hold)


def _hold(found: Sequence[Checked]) -> bool | None:
    outcomes = {one.outcome for one in found}
    return False if "violated" in outcomes else None if "unknown" in outcomes else True


def _show(found: Sequence[Checked]) -> None:
    from weir.answers.path_ends import ends_text
    from weir.output.tables import show_table

    rows = [
        (SHOWN[one.outcome], "must" if one.rule.must else "must not", one.rule.ends.client, ends_text(one.rule.ends), _word(one), _why(one))
        for one in found
    ]
    show_table(("", "", "client", "server", "verdict", ""), rows)
    _tell(found)


def _word(one: Checked) -> str:
    return one.path.verdict.word if one.path else "unknown"


def _why(one: Checked) -> str:
    """With the first reason where it is not known."""
    more = one.path.reasons[:1] if one.path and one.outcome == "unknown" else ()
    return " ".join((one.sentence, *more))


def _show_json(found: Sequence[Checked]) -> None:
    import orjson

    from weir.answers.path_ends import ends_text
    from weir.answers.path_object import as_object

    write_lines(
        orjson.dumps(
            {
                "must": one.rule.must, "client": one.rule.ends.client, "server": ends_text(one.rule.ends), "outcome": one.outcome,
                "sentence": one.sentence, "path": as_object(one.path) if one.path else None,
            }
        ).decode()
        for one in found
    )  # fmt: skip
    _tell(found)


def _tell(found: Sequence[Checked]) -> None:
    counts = [(sum(one.outcome == outcome for one in found), word) for outcome, word in SHOWN.items()]
    tables = dict.fromkeys(table for one in found if one.path for table in one.path.plan.tables)
    said = ", ".join(f"{count} {word.lower()}" for count, word in counts)
    sys.stderr.write(f"{said}, from {', '.join(tables) or 'no table'}.\n")
