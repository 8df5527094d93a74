"""weir.h in numpy: what the bytes of a key, of its counters and of a loss counter mean. A test compares it with the C compiler's view."""

from __future__ import annotations

import hashlib
import pkgutil

import numpy as np

KEY = np.dtype(
    [
        ("cgroup", "<u8"),
        ("local_ip", "u1", 16),
        ("remote_ip", "u1", 16),
        ("service_port", "<u2"),
        ("protocol", "u1"),
        ("role", "u1"),
        ("padding", "<u4"),
    ]
)
VALUE = np.dtype(
    [
        ("first_ns", "<u8"),
        ("last_ns", "<u8"),
        ("bytes_sent", "<u8"),
        ("bytes_received", "<u8"),
        ("packets_sent", "<u8"),
        ("packets_received", "<u8"),
        ("payload_bytes_sent", "<u8"),
        ("payload_bytes_received", "<u8"),
        ("rtt_us_sum", "<u8"),
        ("rtt_us_max", "<u4"),
        ("rtt_count", "<u4"),
        ("connections_opened", "<u4"),
        ("connections_closed", "<u4"),
        ("connections_failed", "<u4"),
        ("connections_reset", "<u4"),
        ("retransmits", "<u4"),
        ("padding", "<u4"),
    ]
)
LOSS = np.dtype([("packets", "<u8"), ("bytes", "<u8"), ("events", "<u8")])

LOSS_REASONS = ("map_full", "unreadable", "extension_headers")
"""Names of weir.h's loss_reason values, in its order."""

PROGRAMS = ("count_sent", "count_received", "follow_connection")
FLOW_MAPS = ("flows0", "flows1")
SOURCES = ("weir.h", "packet.h", "weir.c")
MAPS = (*FLOW_MAPS, "active", "lost")  # what user space touches; the programs keep the socket marks alive


def source(name: str) -> str:
    """The text of one of the C files."""
    data = pkgutil.get_data("bpf", name)  # as importlib.resources does it, without the two megabytes that it brings
    if data is None:
        raise FileNotFoundError(name)
    return data.decode()


def stamp(map_entries: int) -> str:
    """Tells one build of the kernel side from every other: pinned maps under another stamp are not ours to read."""
    text = "\0".join((*map(source, SOURCES), str(map_entries)))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
