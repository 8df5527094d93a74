"""A ClickHouse engine on a directory, by itself: run with the interpreter that has the version wanted. Needs chdb alone.

python engine_child.py run DIR STATEMENTS.json      carries them out, says `ready`, goes on until SIGTERM
python engine_child.py execute DIR STATEMENTS.json  carries them out and ends
python engine_child.py numbers DIR SELECT FILE      writes the answer's UInt64 column, row after row
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path

from chdb.session import Session


def run(directory: str, statements: str) -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    session = execute(directory, statements)
    say("ready " + session.query("SELECT version()", "TSVRaw").bytes().decode().strip())
    stop.wait()
    session.close()


def execute(directory: str, statements: str) -> Session:
    session = Session(directory)
    for statement in json.loads(Path(statements).read_text()):
        session.query(statement)
    return session


def numbers(directory: str, select: str, file: str) -> None:
    session = Session(directory)
    Path(file).write_bytes(session.query(select, "RowBinary").bytes())
    session.close()


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    {"run": run, "execute": execute, "numbers": numbers}[sys.argv[1]](*sys.argv[2:])
    os._exit(0)  # the engine's own threads have nothing left to say
