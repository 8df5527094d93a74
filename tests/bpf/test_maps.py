"""A full map is read and emptied in chunks: every entry once, and little memory beside the counters."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bpf import maps, pins, sources, syscalls
from bpf.layout import ENTRY, KEY, VALUE
from bpf.probe import DOMAIN_ENTRIES, open_probe, remove_probe
from tests.support.bpf_maps import fill
from weir.lab import Lab

ENTRIES = 65_536


@pytest.fixture(scope="module")
def full() -> Iterator[int]:
    """A flow map that no program counts into, full."""
    with Lab("test-bpf-full") as lab:
        cgroup = lab.node("n1").cgroup
        open_probe(cgroup).close()
        fd = syscalls.open_pinned(pins.home(cgroup) / sources.stamp(ENTRIES, DOMAIN_ENTRIES) / sources.FLOW_MAPS[1])
        yield fd
        os.close(fd)
        remove_probe(cgroup)


def content(entries: int) -> tuple[np.ndarray, np.ndarray]:
    """Entry i has i packets, and i + 1 samples in two buckets of each histogram."""
    numbers = np.arange(entries)
    keys, values = np.zeros(entries, KEY), np.zeros(entries, ENTRY)
    keys["cgroup"] = numbers
    values["counters"]["packets_sent"] = numbers
    for name, step in (("rtt", 0), ("connect", 1)):
        values[name][numbers, numbers % 46 + step] = numbers + 1
        values[name][numbers, 47] = numbers + 1
    return keys, values


def test_every_entry_is_read_once_and_with_its_own_samples(full: int) -> None:
    fill(full, *content(ENTRIES))
    keys, values, rtt, connect = maps.read_all(full, ENTRIES)
    numbers = keys["cgroup"].astype(np.int64)
    assert len(keys) == len(np.unique(numbers)) == ENTRIES
    assert (values["packets_sent"] == numbers).all()
    for histogram, step in ((rtt, 0), (connect, 1)):
        assert (histogram.row == np.repeat(np.arange(ENTRIES), 2)).all()
        assert (histogram.samples == np.repeat(numbers + 1, 2)).all()
        assert (histogram.bucket[::2] == numbers % 46 + step).all()
        assert (histogram.bucket[1::2] == 47).all()
    assert maps.clear_all(full) == ENTRIES
    assert len(maps.read_all(full, 16)[0]) == 0


def test_room_that_was_guessed_too_small_grows(full: int) -> None:
    fill(full, *content(5_000))
    keys, values, _, _ = maps.read_all(full, 16)
    assert (np.sort(values["packets_sent"]) == np.arange(5_000)).all()
    assert (keys.dtype, values.dtype) == (KEY, VALUE)
    maps.clear_all(full)


PEAK = """
import sys
from pathlib import Path
import numpy as np
from bpf import maps, syscalls
fd = syscalls.open_pinned(Path(sys.argv[1]))
def status(name): return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(name))
before = status("VmRSS")
keys, values, rtt, connect = maps.read_all(fd, 65536)
print(len(keys), status("VmHWM") - before)
"""


def test_a_full_map_takes_its_counters_and_little_more(full: int, tmp_path: Path) -> None:
    keys, values = content(ENTRIES)
    values["rtt"], values["connect"] = 0, 0
    values["rtt"][::16, 23] = 1
    fill(full, keys, values)
    path = Path("/sys/fs/bpf/weir-test-full")
    syscalls.pin(full, path)
    try:
        done = subprocess.run([sys.executable, "-c", PEAK, path], capture_output=True, text=True, check=True)
    finally:
        path.unlink()
        maps.clear_all(full)
    entries, grown_kb = map(int, done.stdout.split())
    assert entries == ENTRIES
    assert grown_kb * 1024 < ENTRIES * (KEY.itemsize + VALUE.itemsize) + 4e6
