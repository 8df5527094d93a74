"""weir.h in numpy: what the bytes of a key, of its counters and of a loss counter mean. A test compares it with the C compiler's view."""

from __future__ import annotations

import numpy as np

from schemas.records.histogram import BUCKETS

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
        ("connections_refused", "<u4"),
        ("connections_timed_out", "<u4"),
        ("connections_reset", "<u4"),
        ("retransmits", "<u4"),
        ("padding", "<u4"),
    ]
)
DOMAIN_KEY = np.dtype([("cgroup", "<u8"), ("address", "u1", 16)])
DOMAIN = np.dtype(
    [
        ("asked_ns", "<u8"),
        ("expires_ns", "<u8"),
        ("contested_until_ns", "<u8"),
        ("length", "<u2"),
        ("name", "u1", 254),
    ]
)
ENTRY = np.dtype([("counters", VALUE), ("rtt", "<u4", BUCKETS), ("connect", "<u4", BUCKETS)])
"""struct flow_counters: VALUE and two histograms, by bucket."""
LOSS = np.dtype([("packets", "<u8"), ("bytes", "<u8"), ("events", "<u8")])

LOSS_REASONS = ("map_full", "unreadable", "extension_headers", "domains_full", "domains_unread")
"""Names of weir.h's loss_reason values, in its order."""
