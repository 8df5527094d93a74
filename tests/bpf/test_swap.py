"""Windows that close under full load: not one packet is lost between two maps, whichever CPU counted it."""

from __future__ import annotations

import time
from collections import Counter

from tests.bpf.conftest import Pair
from tests.bpf.support import command, drain, flows_of, total

SENDERS, PACKETS, SIZE = 3, 700_001, 31
WINDOW_SECONDS = 0.02


def send_all(pair: Pair, target: str) -> tuple[list[Counter[str]], list[Counter[str]]]:
    """All senders at once; the sums of client and server for every window that closed meanwhile."""
    senders = [pair.client.popen(command("blast", target, 9, PACKETS, SIZE)) for _ in range(SENDERS)]
    client, server = [], []
    running = True
    while running:
        time.sleep(WINDOW_SECONDS)  # the window: not a wait for something
        running = any(sender.poll() is None for sender in senders)
        drained = drain(pair.probe)
        client.append(total(drained, pair.client))
        server.append(total(drained, pair.server))
    assert [sender.returncode for sender in senders] == [0] * SENDERS
    return client, server


def test_no_packet_is_missing_when_maps_are_swapped_under_load(pair: Pair) -> None:
    before = pair.begin()
    receiver = pair.server.popen(["python3", "-S", "-c", RECEIVER], stdout=-1)
    assert receiver.stdout is not None
    receiver.stdout.readline()
    client, server, rounds = [], [], 0
    while sum(1 for window in client if window["packets_sent"]) <= 5:  # on a fast machine the packets of one round fill fewer windows
        sent_by, received_by = send_all(pair, pair.server.ipv4)
        client, server, rounds = client + sent_by, server + received_by, rounds + 1
    receiver.kill()
    receiver.communicate()
    sent, received = sum(client, Counter()), sum(server, Counter())
    assert sent["packets_sent"] == received["packets_received"] == rounds * SENDERS * PACKETS
    assert sent["payload_bytes_sent"] == received["payload_bytes_received"] == rounds * SENDERS * PACKETS * SIZE
    link = pair.client.counters()
    assert sent["bytes_sent"] == link.bytes_sent - before["client"].bytes_sent
    assert pair.probe.lost() == ()


RECEIVER = "import socket, time; s = socket.socket(2, 2); s.bind(('', 9)); print(1, flush=True); time.sleep(1000)"
"""Bound and never reading: its queue overflows, after its packets were counted."""


def test_reading_deletes_nothing_and_clearing_everything(pair: Pair) -> None:
    pair.begin()
    pair.client.run(command("udp", pair.server.ipv4, 80, 7, 11))
    pair.probe.swap()
    first, again = pair.probe.read(), pair.probe.read()
    assert len(first) == len(again) == 2
    assert flows_of(first, pair.client) == flows_of(again, pair.client)
    pair.probe.clear()
    assert len(pair.probe.read()) == 0


def test_each_swap_activates_the_other_map(pair: Pair) -> None:
    slots = []
    for _ in range(3):
        slots.append(pair.probe.active_slot())
        pair.probe.swap()
    assert slots in ([0, 1, 0], [1, 0, 1])
