"""The ways a demo can end or be refused: each leaves nothing behind but tables."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from bpf.cgroup import find_cgroup2
from tests.demo.running import COUNTING, WINDOW_LINE, ask, start, what_is_up
from weir.demo.topology import NODES


def test_ctrl_c_half_way_ends_it_clean(tmp_path: Path) -> None:
    with start(tmp_path) as demo:
        demo.line(COUNTING, 60)
        put = what_is_up(demo)
        demo.line(WINDOW_LINE, 30)
        demo.process.send_signal(signal.SIGINT)
        demo.wait(60)
        assert "Counted in" in demo.stdout
    assert put.left() == []
    assert ask(tmp_path, "SELECT count() AS flows FROM weir.flows")[0]["flows"] > 0


def test_ctrl_c_at_the_start_ends_it_clean(tmp_path: Path) -> None:
    with start(tmp_path) as demo:
        demo.line("^weir demo: a small shop", 30)
        os.killpg(demo.pid, signal.SIGINT)  # as a terminal does: to everything in the foreground
        demo.wait(90)
    assert list(Path("/run/netns").glob("weir.demo.*")) == []
    assert list(find_cgroup2().glob("weir-lab-demo")) == []


def test_a_killed_demo_is_cleaned_up_by_the_next_which_adds_to_its_tables(tmp_path: Path) -> None:
    with start(tmp_path) as demo:
        demo.line(COUNTING, 60)
        put = what_is_up(demo)
        demo.line(WINDOW_LINE, 30)
        demo.until(lambda: len(ask(tmp_path, "SELECT DISTINCT node_id FROM weir.flows")) == len(NODES), 30, "flows of every node")
        demo.process.kill()
        demo.wait(10, status=-signal.SIGKILL)
    with start(tmp_path, "--duration", "6") as demo:
        demo.line(COUNTING, 120)
        again = what_is_up(demo)
        demo.wait(60)
    assert put.left() == again.left() == []
    epochs = ask(tmp_path, "SELECT node_id, uniqExact(epoch) AS epochs FROM weir.flows GROUP BY node_id")
    assert {row["node_id"]: row["epochs"] for row in epochs} == dict.fromkeys(NODES, 2)
    (row,) = ask(tmp_path, "SELECT count() AS taken, uniqExact(tuple(node_id, epoch, window_start, partition, first_offset)) AS batches,"
                           " uniqExact(tuple(partition, first_offset)) AS offsets FROM weir.flows")  # fmt: skip
    assert row["batches"] == row["offsets"]


@pytest.mark.parametrize(
    ("arguments", "word"), [(("--cgroup", "/nowhere"), "--no-traffic"), (("--no-traffic", "--cgroup", "/nowhere"), "/nowhere")]
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, arguments: tuple[str, ...], word: str) -> None:
    with start(tmp_path, *arguments) as demo:
        demo.wait(20, status=2)
        assert word in demo.stderr
        assert demo.stderr.count("\n") == 1
