"""What is found, in words: how each range stands to the flow, and why it has its name, or none, by what is known now.

Nothing is decided here: `known` decides, by the workers' rule. What is computed are durations to show.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from schemas.addresses import is_loopback, parse_address
from schemas.instants import format_instant
from schemas.names import NODE_PREFIX
from weir.explain.evidence import Evidence, Flow, Held
from weir.explain.known import Known, Standing
from weir.explain.service_words import of_service

_OUTSIDE = ("unknown", "external", "group", "link_local")
"""Reasons that a label of WEIR_CIDRS takes the place of."""


def why(evidence: Evidence, known: Known) -> str:
    """Of the name or reason that the flow was recorded with, where it is what is found now; of both otherwise."""
    flow = evidence.flow
    if (flow.remote_workload, flow.remote_source, flow.remote_reason) == (known.workload, known.source, known.reason):
        return _found(evidence, known)
    if _only_labels_differ(flow, known):
        return _relabelled(flow, known)
    recorded, now = (
        _answer(flow.remote_workload, flow.remote_source, flow.remote_reason),
        _answer(known.workload, known.source, known.reason),
    )
    return (
        f"The flow was recorded with {recorded}; by what is known now it has {now}: {_found(evidence, known)} {_since(evidence)} "
        "`weir recompute` makes rows anew."
    )


def relation(flow: Flow, held: Held, standing: Standing) -> str:
    """How a range stands to the flow in time."""
    if _contains(flow, held):
        return "holds the flow"
    if held.start_us <= flow.last_us and flow.first_us < held.end_us:
        return "holds a part of it"
    before = held.end_us <= flow.first_us
    apart_us = flow.first_us - held.end_us if before else held.start_us - flow.last_us
    reach = ", within twice the clocks' skew" if standing.within_reach else ""
    near = ", within the clocks' skew" if standing.within_skew else reach
    return f"{duration(apart_us)} {'before' if before else 'after'}{near}"


def duration(span_us: int) -> str:
    """Seconds where there is more than one, milliseconds otherwise."""
    return f"{span_us / 1e6:,.1f} s" if span_us >= 1_000_000 else f"{span_us / 1e3:.0f} ms"


# Where the recorded and the present answer differ.


def _only_labels_differ(flow: Flow, known: Known) -> bool:
    outside = _is_outside(flow.remote_source, flow.remote_reason) and _is_outside(known.source, known.reason)
    return outside and not known.agent and "cidr" in (flow.remote_source, known.source)


def _is_outside(source: str, reason: str) -> bool:
    return source == "cidr" or reason in _OUTSIDE


def _answer(workload: str, source: str, reason: str) -> str:
    return f"the name {workload} ({source})" if workload else f"no name ({reason})"


def _since(evidence: Evidence) -> str:
    """What has come or gone since the flow was named."""
    flow = evidence.flow
    late_us = evidence.told_us - flow.written_us
    if late_us > 0:
        return f"The last word about that time came {duration(late_us)} after the flow was named: later than the hold (WEIR_HOLD_SECONDS)."
    if flow.remote_workload and all(held.workload != flow.remote_workload for held in evidence.ranges):
        who = flow.remote_workload
        return f"{who} was known to hold {flow.remote_ip} when the flow was named; the tables do not hold that range any more."
    return "The ranges below are what is known now."


def _relabelled(flow: Flow, known: Known) -> str:
    said = f"said {flow.remote_workload}" if flow.remote_workload else "had no label for it"
    now = f"says {known.label}" if known.source == "cidr" else "has no label for it"
    return f"{_silence(flow)}, and WEIR_CIDRS of the worker that named the flow {said}; here it {now} now."


# Why the answer is what it is.


@dataclass(frozen=True)
class _Case:
    """`ranges`: with their standings, the nearest first."""

    flow: Flow
    known: Known
    ranges: tuple[tuple[Held, Standing], ...]
    ports: int


def _found(evidence: Evidence, known: Known) -> str:
    case = _Case(evidence.flow, known, tuple(zip(evidence.ranges, known.standings, strict=True)), evidence.ports)
    if known.by_service:
        return of_service(evidence, known)
    if known.source == "cidr":
        return f"{_silence(evidence.flow)}, and WEIR_CIDRS says {known.label}."
    return _named(case) if known.workload else _SENTENCES[known.reason](case)


def _named(case: _Case) -> str:
    flow, who = case.flow, case.known.workload
    ours = [(held, standing) for held, standing in case.ranges if (held.workload, held.source) == (who, case.known.source)]
    more = f" {who} is the node itself: several workloads share its address." if who.startswith(NODE_PREFIX) else ""
    whole = [held for held, standing in ours if standing.covers]
    if not whole:
        return f"{_in_parts(flow, who, [held for held, _ in ours])}{more}"
    held = max(whole, key=lambda one: one.port)
    what = f"{flow.protocol} port {held.port} of {flow.remote_ip}" if held.port else flow.remote_ip
    teller = f"Node {held.node_id or '(not recorded)'} said" if held.source == "heartbeat" else "Events say"
    return f"{teller} that {who} held {what} from {_span(held)}, {_share(flow, held)}; known since {_at(held.learned_us)}.{more}"


def _share(flow: Flow, held: Held) -> str:
    """How much of the flow's time a range holds that names the flow. A microsecond less is the border of a window."""
    missing_us = max(0, held.start_us - flow.first_us) + max(0, flow.last_us + 1 - held.end_us)
    return f"all of the flow's time but {duration(missing_us)}, less than clocks may differ" if missing_us > 1 else "all of the flow's time"


def _in_parts(flow: Flow, who: str, ours: list[Held]) -> str:
    """No single range names the flow: those from before its beginning to after its end do, and silences between them."""
    before = max((held for held in ours if held.start_us <= flow.first_us), key=lambda held: held.start_us, default=None)
    after = min((held for held in ours if held.end_us > flow.last_us), key=lambda held: held.end_us, default=None)
    if before is None or after is None:
        return f"{who} held {flow.remote_ip} all of the flow's time, by more ranges than are shown."
    parts = sorted((held for held in ours if before.start_us <= held.start_us <= after.start_us), key=lambda held: held.start_us)
    if all(part.start_us <= max(held.end_us for held in parts[: at + 1]) for at, part in enumerate(parts[1:])):
        return f"{who} held {flow.remote_ip} all of the flow's time, in parts: {_list(parts)}."
    return (
        f"{who} held {flow.remote_ip} just before and after: {_list(parts)}. The silence in between was taken for lost heartbeats, "
        "because nothing tells of anybody else."
    )


def _unknown(case: _Case) -> str:
    flow = case.flow
    if case.known.agent:
        return f"Flows show that an agent counts at {flow.remote_ip}, and no heartbeat and no event says who holds it."
    return f"{_silence(flow, bool(case.ranges))} in network {flow.network}, and no label of WEIR_CIDRS held it."


def _external(case: _Case) -> str:
    return f"{case.flow.remote_ip} is an address of the internet that nobody had spoken for, and no label of WEIR_CIDRS held it."


def _ambiguous(case: _Case) -> str:
    flow = case.flow
    near = [held for held, standing in case.ranges if standing.within_reach]
    owners = sorted({held.workload for held in near})
    if len(owners) < 2:
        return f"Several owners of {flow.remote_ip} are possible at that time, by more ranges than are shown."
    both = len({held.source for held in near}) > 1
    rule = " An event names an owner only where no heartbeat within that time tells of another." if both else ""
    return (
        f"{' and '.join(owners)} held {flow.remote_ip} within {duration(case.known.reach_us)} of the flow's time, twice what clocks may "
        f"differ by: {_list(near)}. A name would be a guess.{rule}"
    )


def _shared(case: _Case) -> str:
    flow = case.flow
    if is_loopback(np.frombuffer(parse_address(flow.remote_ip), np.uint8).reshape(1, 16))[0]:
        return f"{flow.remote_ip} is the machine itself: every workload on it has that address."
    listener = f"nobody is known to listen on {flow.protocol} port {flow.service_port}" if flow.listening else "the remote end is a client"
    return f"Several workloads share {flow.remote_ip}: listeners of {case.ports} ports are known there, {listener}, and no node claims it."


def _gap(case: _Case) -> str:
    flow = case.flow
    narrow = [held for held, standing in case.ranges if _contains(flow, held) and not standing.covers]
    if narrow:
        held = narrow[0]
        spare_us = min(flow.first_us - held.start_us, held.end_us - flow.last_us)
        return (
            f"{held.workload} held {flow.remote_ip} from {_span(held)}, only {duration(spare_us)} more than the flow's time: less than the "
            f"{duration(case.known.skew_us)} by which clocks may differ, so that somebody else may have had it."
        )
    listeners = [held for held, standing in case.ranges if held.port and standing.within_reach]
    port = f"{flow.protocol} port {flow.service_port}"
    if listeners:
        return f"{_list(listeners)} listened on {port} of {flow.remote_ip}, and nobody is known to have done so all of the flow's time."
    parts = [f"{held.workload} {relation(flow, held, standing)}" for held, standing in case.ranges[:2]]
    nearest = f" The nearest: {' and '.join(parts)}." if parts else ""
    unheard = f" Who listened on {port} then may not have been heard." if case.ports and flow.listening else ""
    return f"Somebody held {flow.remote_ip} at other times, and nobody is known to have held it all of the flow's time.{nearest}{unheard}"


def _group(case: _Case) -> str:
    return (
        f"{case.flow.remote_ip} is a group (multicast or broadcast): whoever listens receives, and no workload holds the address. "
        "No event and no label of WEIR_CIDRS within the ranges of groups names it."
    )


def _link_local(case: _Case) -> str:
    return (
        f"{case.flow.remote_ip} is link-local: every link has such an address of its own, so heartbeats do not tell whose it was. "
        "No event and no label of WEIR_CIDRS within 169.254.0.0/16 or fe80::/10 names it."
    )


_SENTENCES: dict[str, Callable[[_Case], str]] = {
    "unknown": _unknown,
    "external": _external,
    "ambiguous": _ambiguous,
    "shared": _shared,
    "gap": _gap,
    "group": _group,
    "link_local": _link_local,
}


def _silence(flow: Flow, ever: bool = False) -> str:
    """`ever`: something is known of the address, of a time that workers have forgotten."""
    if ever:
        return f"What is known of {flow.remote_ip} ended longer before the flow than workers remember (WEIR_RETENTION_SECONDS)"
    return f"No agent and no event has ever spoken for {flow.remote_ip}"


def _contains(flow: Flow, held: Held) -> bool:
    """Whether the range holds the flow by its instants alone: what is shown of it, whatever the tolerance says."""
    return held.start_us <= flow.first_us and flow.last_us < held.end_us


def _list(ranges: list[Held]) -> str:
    return ", ".join(f"{held.workload} from {_span(held)}" for held in ranges)


def _span(held: Held) -> str:
    return f"{_at(held.start_us)} {'on' if held.is_open else f'to {_at(held.end_us)}'}"


def _at(instant_us: int) -> str:
    return format_instant(instant_us)
