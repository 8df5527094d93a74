"""Power cuts under a worker with other regions: what `Outbox.add` has returned for is on the disk."""

from __future__ import annotations

import sys
from pathlib import Path

from streams.forwarding.outbox import Outbox
from tests.streams.forwarding.test_outbox import HOME, message
from tests.support.power import ForgetfulDisk
from tests.support.processes import Child

PROGRAM = """
import sys, time
from pathlib import Path
from streams.forwarding.outbox import Outbox
from tests.streams.forwarding.test_outbox import HOME, block, message
outbox = Outbox(Path(sys.argv[1]) / "forward" / "outbox.db", 1 << 20, HOME)
for number in range(3):
    outbox.add(block(number), [message(number)])
outbox.remove("us", outbox.head("us")[:1])
print("done", flush=True)
time.sleep(600)
"""


def test_what_waits_is_there(tmp_path: Path) -> None:
    with ForgetfulDisk(tmp_path / "disk") as disk:
        with Child([sys.executable, "-c", PROGRAM, disk.path]) as child:
            child.line("done")
            child.kill()
        disk.cut()
        outbox = Outbox(disk.path / "forward" / "outbox.db", 1 << 20, HOME)
        assert [one.value for one in outbox.head("us")] == [message(number).value for number in (1, 2)]
        outbox.close()
