"""`weir demo --no-traffic`: traffic of somebody else, given back exact."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bpf.cgroup import find_cgroup2
from tests.demo.running import ask, start
from tests.support.processes import PATIENCE


@pytest.fixture
def cgroup() -> Iterator[Path]:
    path = find_cgroup2() / "weir-demo-test"
    path.mkdir(exist_ok=True)
    yield path
    path.rmdir()


def test_a_cgroup_is_watched_and_given_back_exact(tmp_path: Path, cgroup: Path) -> None:
    traffic = Path(__file__).with_name("loopback_traffic.py")
    numbers = {"connections": 23, "request": 7_919, "answer": 104_729, "datagrams": 101, "size": 997}
    with start(tmp_path, "--no-console", "--no-traffic", "--cgroup", str(cgroup), "--duration", "8") as demo:
        demo.line(r"^One agent counts in", 60)
        argv = [sys.executable, traffic, cgroup, *map(str, numbers.values())]
        made = subprocess.run(argv, capture_output=True, text=True, timeout=30 * PATIENCE, check=True)
        demo.wait(60)
    tcp, udp = map(int, made.stdout.split())
    columns = "role, sum(payload_bytes_sent) AS sent, sum(payload_bytes_received) AS received, sum(connections_opened) AS opened"
    rows = ask(tmp_path, f"SELECT {columns} FROM weir.flows WHERE protocol = 'tcp' AND service_port = {tcp} GROUP BY role ORDER BY role")  # noqa: S608
    there, back = 23 * 7_919, 23 * 104_729
    assert rows == [
        {"role": "client", "sent": there, "received": back, "opened": 23},
        {"role": "server", "sent": back, "received": there, "opened": 23},
    ]
    columns = "sum(payload_bytes_sent) AS sent, sum(payload_bytes_received) AS received, sum(bytes_sent) AS wire, sum(packets_sent) AS n"
    (row,) = ask(tmp_path, f"SELECT {columns} FROM weir.flows WHERE protocol = 'udp' AND service_port = {udp}")  # noqa: S608
    assert row == {"sent": 101 * 997, "received": 101 * 997, "wire": 101 * (997 + 48), "n": 101}
    assert ask(tmp_path, "SELECT DISTINCT protocol, service_port FROM weir.flows ORDER BY protocol") == [
        {"protocol": "tcp", "service_port": tcp},
        {"protocol": "udp", "service_port": udp},
    ]
    assert ask(tmp_path, "SELECT * FROM weir.losses") == []
    assert not (Path("/sys/fs/bpf/weir") / str(cgroup.stat().st_ino)).exists()
