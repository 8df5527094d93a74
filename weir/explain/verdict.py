"""What the evidence says: how each range stands to the flow, and one sentence for its name or for the lack of one."""

from __future__ import annotations

import numpy as np

from schemas.addresses import is_loopback, parse_address
from schemas.instants import format_instant
from schemas.names import NODE_PREFIX
from streams.ownership.asof import REACH
from weir.explain.evidence import Evidence, Flow, Held

_NEAR = ((1, ""), (REACH, "twice "))


def relation(flow: Flow, held: Held, skew_us: int) -> str:
    """How a range stands to the flow in time."""
    if held.start_us <= flow.first_us and flow.last_us < held.end_us:
        return "holds the flow"
    if held.start_us <= flow.last_us and flow.first_us < held.end_us:
        return "holds a part of it"
    before = held.end_us <= flow.first_us
    apart_us = flow.first_us - held.end_us if before else held.start_us - flow.last_us
    near = next((f", within {times}the clocks' skew" for factor, times in _NEAR if reaches(flow, held, factor * skew_us)), "")
    return f"{duration(apart_us)} {'before' if before else 'after'}{near}"


def reaches(flow: Flow, held: Held, by_us: int) -> bool:
    """Whether clocks that differ by so much could have put the range into the flow's time."""
    return held.start_us <= flow.last_us + by_us and held.end_us > flow.first_us - by_us


def why(evidence: Evidence, label: str, skew_us: int) -> str:
    """`label`: what WEIR_CIDRS says of the address, as `network=name`; empty: nothing."""
    flow = evidence.flow
    if flow.remote_source == "cidr":
        return _labelled(flow, label)
    if flow.remote_workload:
        return _named(evidence, skew_us)
    return {
        "unknown": _unknown,
        "external": _external,
        "ambiguous": _ambiguous,
        "shared": _shared,
        "gap": _gap,
        "group": _group,
        "link_local": _link_local,
    }.get(flow.remote_reason, _unknown)(evidence, skew_us)


def _named(evidence: Evidence, skew_us: int) -> str:
    flow, who = evidence.flow, evidence.flow.remote_workload
    ours = [held for held in evidence.ranges if (held.workload, held.source) == (who, flow.remote_source)]
    near = [held for held in ours if reaches(flow, held, skew_us)]
    whole = [held for held in near if _missing_us(flow, held) == 0]
    if not near:
        return f"{who} was known to hold {flow.remote_ip} when the flow was named; the tables do not hold that range any more."
    if not whole and len(near) > 1:
        return (
            f"{who} held {flow.remote_ip} just before and after: {_list(near)}. The silence in between was taken for lost heartbeats, "
            "because nothing tells of anybody else."
        )
    held = max(whole or near, key=lambda one: one.port)
    what = f"{flow.protocol} port {held.port} of {flow.remote_ip}" if held.port else flow.remote_ip
    teller = f"Node {held.node_id or '(not recorded)'} said" if held.source == "heartbeat" else "Events say"
    missing_us = _missing_us(flow, held)
    time = f"all of the flow's time but {duration(missing_us)}, less than clocks may differ" if missing_us else "all of the flow's time"
    more = f" {who} is the node itself: several workloads share its address." if who.startswith(NODE_PREFIX) else ""
    return f"{teller} that {who} held {what} from {_span(held)}, {time}; known since {_at(held.learned_us)}.{more}"


def _missing_us(flow: Flow, held: Held) -> int:
    """How much of the flow's time the range does not hold."""
    return max(0, held.start_us - flow.first_us) + max(0, flow.last_us + 1 - held.end_us)


def _labelled(flow: Flow, label: str) -> str:
    nobody = f"No agent and no event had ever spoken for {flow.remote_ip}"
    if label.partition("=")[2] == flow.remote_workload:
        return f"{nobody}, and WEIR_CIDRS says {label}."
    now = f"says {label} now" if label else "has no label for it now"
    return f"{nobody}, and WEIR_CIDRS of the worker that named the flow said {flow.remote_workload}; here it {now}."


def _unknown(evidence: Evidence, skew_us: int) -> str:
    flow = evidence.flow
    if not evidence.ranges:
        return f"No agent and no event has ever spoken for {flow.remote_ip} in network {flow.network}, and no label of WEIR_CIDRS held it."
    return f"Nobody had spoken for {flow.remote_ip} when the flow was named, {_at(flow.written_us)}. {_later(evidence)}"


def _external(evidence: Evidence, skew_us: int) -> str:
    later = f" {_later(evidence)}" if evidence.ranges else ""
    return f"{evidence.flow.remote_ip} is an address of the internet that nobody had spoken for, and no label of WEIR_CIDRS held it.{later}"


def _ambiguous(evidence: Evidence, skew_us: int) -> str:
    flow = evidence.flow
    near = [held for held in evidence.ranges if reaches(flow, held, REACH * skew_us)]
    owners = sorted({held.workload for held in near})
    if len(owners) < 2:
        return f"Several owners were in reach when the flow was named; the tables know of {len(owners)} now. {_later(evidence)}"
    return (
        f"{' and '.join(owners)} held {flow.remote_ip} within {duration(REACH * skew_us)} of the flow's time, twice what clocks may differ "
        f"by: {_list(near)}. A name would be a guess."
    )


def _shared(evidence: Evidence, skew_us: int) -> str:
    flow = evidence.flow
    if is_loopback(np.frombuffer(parse_address(flow.remote_ip), np.uint8).reshape(1, 16))[0]:
        return f"{flow.remote_ip} is the machine itself: every workload on it has that address."
    listener = f"nobody is known to listen on {flow.protocol} port {flow.service_port}" if flow.listening else "the remote end is a client"
    return (
        f"Several workloads share {flow.remote_ip}: listeners of {evidence.ports} ports are known there, {listener}, and no node claims it."
    )


def _gap(evidence: Evidence, skew_us: int) -> str:
    flow, ranges = evidence.flow, evidence.ranges
    holding = [held for held in ranges if relation(flow, held, skew_us) == "holds the flow"]
    if not holding:
        parts = [f"{held.workload} {relation(flow, held, skew_us)}" for held in ranges[:2]]
        nearest = f" The nearest: {' and '.join(parts)}." if parts else ""
        return f"Somebody held {flow.remote_ip} at other times, and nobody is known to have held it all of the flow's time.{nearest}"
    held = holding[0]
    spare_us = min(flow.first_us - held.start_us, held.end_us - flow.last_us)
    if spare_us < skew_us:
        return (
            f"{held.workload} held {flow.remote_ip} from {_span(held)}, only {duration(spare_us)} more than the flow's time: less than the "
            f"{duration(skew_us)} by which clocks may differ, so that somebody else may have had it."
        )
    then = f"When the flow was named, {_at(flow.written_us)}, nobody was known to have held {flow.remote_ip} all of its time."
    return f"{then} {_later(evidence)}"


def _group(evidence: Evidence, skew_us: int) -> str:
    return (
        f"{evidence.flow.remote_ip} is a group (multicast or broadcast): whoever listens receives, and no workload holds the address. "
        "No event and no label of WEIR_CIDRS within the ranges of groups names it."
    )


def _link_local(evidence: Evidence, skew_us: int) -> str:
    return (
        f"{evidence.flow.remote_ip} is link-local: every link has such an address of its own, so heartbeats do not tell whose it was. "
        "No event and no label of WEIR_CIDRS within 169.254.0.0/16 or fe80::/10 names it."
    )


def _later(evidence: Evidence) -> str:
    """What is known by now."""
    late_us = evidence.told_us - evidence.flow.written_us
    if late_us > 0:
        return f"The last word about that time came {duration(late_us)} later, after the hold (WEIR_HOLD_SECONDS)."
    return "The ranges below are what is known now."


def _list(ranges: list[Held]) -> str:
    return ", ".join(f"{held.workload} from {_span(held)}" for held in ranges)


def _span(held: Held) -> str:
    return f"{_at(held.start_us)} {'on' if held.is_open else f'to {_at(held.end_us)}'}"


def _at(instant_us: int) -> str:
    return format_instant(instant_us)


def duration(span_us: int) -> str:
    """Seconds where there is more than one, milliseconds otherwise."""
    return f"{span_us / 1e6:,.1f} s" if span_us >= 1_000_000 else f"{span_us / 1e3:.0f} ms"
