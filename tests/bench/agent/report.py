"""The figures against the goals: a table for people, plain values for programs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from schemas.addresses import parse_address
from schemas.records.flow_batch import FlowBatch
from tests.bench.agent.phases import Bulk, PacketCost, Phase, Rounds, spread

HEADERS = 52
"""IPv4 and TCP with timestamps; a SYN has 8 bytes more."""
MB = 1_000_000


@dataclass(frozen=True)
class Start:
    """Seconds from the command to attached programs and to the agent's word; with a compilation, and with programs that were there."""

    attached: float
    said: float
    again: float
    cpu: float  # seconds of CPU until its word, the compiler's included: what a machine with nothing else to do would take


def by_reference(phases: Sequence[Phase], packets: Sequence[PacketCost]) -> dict[str, float]:
    """What is compared with the last run: seconds that the agent lasts, and packets counted, in the CPU time of the reference load."""
    agent = {f"agent, {phase.name}": phase.seconds / phase.cost.total * phase.reference for phase in phases}
    kernel = {f"kernel, {cost.load}": 1e9 / median(cost.packet) * cost.reference for cost in packets}
    return {**agent, **kernel}


def flows_of(batches: Iterable[FlowBatch], phase: Phase) -> int:
    return sum(len(batch.flows) for batch in batches if phase.first_us <= batch.window_start_us < phase.last_us)


def phase_table(phases: Sequence[Phase], batches: Sequence[FlowBatch]) -> list[str]:
    lines = [
        "| load | reached | flows a window | CPU % | CPU a window | wake-ups between ends "
        "| resident MB | private MB | to Kafka a flow | softflowd CPU %, MB |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for phase in phases:
        flows = flows_of(batches, phase)
        windows = max(1, round(len({b.window_start_us for b in batches if phase.first_us <= b.window_start_us < phase.last_us})))
        reached = ", ".join(f"{count / phase.seconds:,.0f} {what}/s" for what, count in phase.reached.items() if what != "edges") or "-"
        neighbour = "-"
        if phase.neighbour is not None:
            neighbour = f"{100 * phase.neighbour[0].total / phase.seconds:.2f}, {phase.neighbour[1] / MB:.0f}"
        lines.append(
            f"| {phase.name} | {reached} | {flows / windows:,.0f} "
            f"| {100 * phase.cost.total / phase.seconds:.2f} | {1_000 * phase.cost.total / windows:.1f} ms "
            f"| {sum(phase.quiet_wakes.values())} | {phase.memory.resident / MB:.1f} | {phase.memory.private / MB:.1f} "
            f"| {f'{phase.wire_bytes / flows:.1f} B' if flows else f'{phase.wire_bytes / windows:.0f} B a window'} | {neighbour} |"
        )
    return lines


def start_lines(starts: Sequence[Start]) -> list[str]:
    attached, said, again, cpu = (spread([getattr(start, name) for start in starts]) for name in ("attached", "said", "again", "cpu"))
    return [
        f"Start to first count (with compiling): {_range(attached)} s; to its own word: {_range(said)} s; "
        f"where the programs were there already: {_range(again)} s. Its CPU, compiler and all: {_range(cpu)} s. Goal: under 2 s."
    ]


def packet_lines(costs: Sequence[PacketCost]) -> list[str]:
    return [
        f"BPF a packet, {cost.load}: {_range(spread(cost.packet), 0)} ns; sent {spread(cost.sent)[0]:.0f}, received "
        f"{spread(cost.received)[0]:.0f}, a connection's event {spread(cost.event)[0]:.0f}. {cost.packets:,} packets."
        for cost in costs
    ] + ["Of these, 70 to 95 ns are the statistics themselves. Goal: under 250."]


def bulk_lines(bulks: Sequence[Bulk], batches: Sequence[FlowBatch], client_ip: str) -> list[str]:
    return [_bulk_line(bulk, batches, client_ip) for bulk in bulks]


def _bulk_line(bulk: Bulk, batches: Sequence[FlowBatch], client_ip: str) -> str:
    own = parse_address(client_ip)
    sums = dict.fromkeys(("bytes_sent", "packets_sent", "payload_bytes_sent", "bytes_received", "packets_received", "retransmits"), 0)
    for batch in batches:
        rows = (batch.flows.service_port == bulk.port) & (batch.flows.local_ip == np.frombuffer(own, np.uint8)).all(axis=1)
        for name in sums:
            sums[name] += int(getattr(batch.flows, name)[rows].sum())
    rate = bulk.reached["bytes"] / bulk.reached["seconds"] * 8 / 1e9
    if bulk.offloads:  # the link counts a large segment once, with one header
        link, weir = bulk.link.bytes_sent - HEADERS * bulk.link.packets_sent - 8, sums["payload_bytes_sent"]
        rebuilt = weir + HEADERS * sums["packets_sent"] + 8 == sums["bytes_sent"]
        what = (
            f"payload {weir:,} bytes, the socket's {int(bulk.reached['bytes']):,}, the link's {link:,} less its headers; "
            f"a header for each of {sums['packets_sent']:,} packets: {rebuilt}"
        )
    else:
        link, weir = bulk.link.bytes_sent, sums["bytes_sent"]
        what = f"{weir:,} bytes in {sums['packets_sent']:,} packets, the link's {link:,} in {bulk.link.packets_sent:,}"
    return f"Bulk, offloads {'on' if bulk.offloads else 'off'}: {rate:.1f} Gbit/s; {what}: {'equal' if link == weir else 'DIFFERENT'}."


def application_lines(rounds: Rounds) -> list[str]:
    speed, tail, cpu = (spread(rounds.ratios(name)) for name in ("requests", "p99_us", "cpu_us"))
    base, late, cost = (spread([one[name] for one in rounds.without]) for name in ("requests", "p99_us", "cpu_us"))
    return [
        f"Application with the agent, as a ratio to without, {len(rounds.without)} interleaved pairs: requests/s {_range(speed)}, "
        f"p99 {_range(tail)}, CPU a request {_range(cpu)}.",
        f"Without the agent: {_range(base, 0)} requests/s, p99 {_range(late, 0)} us, CPU {_range(cost, 1)} us a request.",
    ]


def busy() -> str:
    return f"Load average at the start: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors."


def _range(values: tuple[float, float, float], digits: int = 2) -> str:
    return f"{values[0]:.{digits}f} ({values[1]:.{digits}f} to {values[2]:.{digits}f})"
