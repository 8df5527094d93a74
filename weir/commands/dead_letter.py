"""`weir dead-letter`: the messages that could not be used, and another try at them."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from heapq import nlargest
from typing import TYPE_CHECKING

import click
from click import Choice, IntRange, UsageError, argument, option

from weir.output.stdout import write, write_bytes
from weir.settings.options import Run
from weir.settings.options import command as make

if TYPE_CHECKING:
    import pyarrow as pa

    from weir.dead_letter.letters import Letter

REASON_HELP = "Only letters with TEXT in their reason, in capitals or not."


@click.group(
    "dead-letter",
    epilog="Each of them takes --help, --log-level and --config FILE.",
    context_settings={"max_content_width": 110},
    no_args_is_help=False,
)
def command() -> None:
    """Messages that workers could not use, put aside whole in weir.dead-letter: look at them, and try them again.

    Nothing is deleted here: letters go when the topic's retention is over.
    """


@make("list")
@option("--reason", default="", metavar="TEXT", help=REASON_HELP)
@option("--count", type=IntRange(1, 1_000_000), default=1_000, show_default=True, metavar="N", help="The newest N.")
@option("--format", "form", type=Choice(("table", "json", "csv")), default="table", show_default=True, help="json is one object a line.")
def list_letters(run: Run, reason: str, count: int, form: str) -> None:
    """Lists letters, oldest first: what to call each, when it was put aside, where it came from, and why.

    'first' is the place where a message stood at first: another than 'source' if it was replayed, and failed again.
    """
    settings = run.kafka_settings()
    from weir.commands.query import print_result
    from weir.dead_letter.letters import read_letters
    from weir.signals import stop_on_signals

    found = Counter[str]()

    def counted() -> Iterator[Letter]:
        for letter in read_letters(settings, stop_on_signals(), reason):
            found["letters"] += 1
            yield letter

    newest = _newest(counted(), count)
    print_result(_table(newest), form)
    if found["letters"] > len(newest):
        sys.stderr.write(f"{found['letters'] - len(newest):,} older letters are not shown: use --count or --reason.\n")


def _newest(letters: Iterable[Letter], count: int) -> list[Letter]:
    """The `count` newest letters, oldest first, without their values. Memory O(count)."""
    from weir.dead_letter.letters import without_value

    return nlargest(count, map(without_value, letters), key=lambda letter: (letter.at_us, letter.place))[::-1]


def _table(letters: list[Letter]) -> pa.Table:
    import pyarrow as pa

    from schemas.instants import format_instant

    columns = {
        "letter": pa.array([letter.name for letter in letters], pa.string()),
        "at": pa.array([format_instant(letter.at_us) for letter in letters], pa.string()),
        "source": pa.array([str(letter.source or "") for letter in letters], pa.string()),
        "first": pa.array([str(letter.first or "") for letter in letters], pa.string()),
        "bytes": pa.array([letter.size for letter in letters], pa.int64()),
        "reason": pa.array([letter.reason for letter in letters], pa.string()),
    }
    return pa.table(columns)


@make("show")
@argument("letter", metavar="LETTER")
@option(
    "--format",
    "form",
    type=Choice(("text", "json", "raw")),
    default="text",
    show_default=True,
    help="json: one object, bytes in base64; raw: the message's bytes and nothing else.",
)
def show(run: Run, letter: str, form: str) -> None:
    """Shows one letter whole: where it came from, why it was put aside, its headers, its bytes, and its fields as far as they can be read.

    LETTER is PARTITION:OFFSET as `weir dead-letter list` shows it, or the message's source (TOPIC:PARTITION:OFFSET).
    """
    settings = run.kafka_settings()
    from weir.dead_letter.letters import asked_place, find_letter
    from weir.dead_letter.text import as_json, as_text
    from weir.kafka.framer import open_framer
    from weir.signals import stop_on_signals

    found = find_letter(settings, stop_on_signals(), asked_place(letter))
    if form == "raw":
        write_bytes(found.value)
    else:
        write((as_json if form == "json" else as_text)(found, open_framer(settings)))


@make("replay")
@argument("letters", metavar="[LETTER]...", nargs=-1)
@option("--all", "everything", is_flag=True, help="Every letter that the topic holds.")
@option("--reason", default="", metavar="TEXT", help=REASON_HELP)
def replay(run: Run, letters: tuple[str, ...], everything: bool, reason: str) -> int:
    """Publishes messages once more, untouched, to the topic and partition they came from: those named, --all, or those of a --reason.

    A message of which there are several letters goes once. One that fails again becomes a letter again, with the place where it
    stood at first under 'first'. Flows that had been counted meanwhile are recognised as repeats. The status is 1 if any letter
    could not be replayed.
    """
    if bool(letters) == (everything or bool(reason)):
        raise UsageError("Name the letters to replay, or say --all or --reason TEXT")
    settings = run.kafka_settings()
    from weir.dead_letter.replay import Replay, outbox_for
    from weir.signals import stop_on_signals

    stop = stop_on_signals()
    with closing(outbox_for(settings)) as outbox:
        done = Replay(settings, outbox, stop)
        done.send_all(letters, reason)
        outbox.wait()
    write(str(done))
    return 1 if done.refused else 0


for action in (list_letters, show, replay):
    command.add_command(action)
