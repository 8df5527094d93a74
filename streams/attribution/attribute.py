"""Names for ends of flows, or the reason why there is none.

Group addresses (multicast, broadcast) have no holder, and each link has link-local addresses of its own: heartbeats name
neither, since the same address elsewhere is another's. Events and labels do, where they speak of such an address.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.addresses import is_group, is_link_local, is_loopback
from schemas.arrays import I64, U8, U16, U32
from schemas.instants import FOREVER_US, NEVER_US
from schemas.names import NODE_PREFIX
from streams.ownership.asof import AMBIGUOUS, GAP, NAMED, NEVER, Found, as_of
from streams.ownership.intervals import NOBODY, SEVERAL
from streams.ownership.map import OwnershipMap

SOURCES = ("none", "heartbeat", "ip_event", "cidr", "service")
REASONS = ("", "unknown", "ambiguous", "shared", "gap", "external", "group", "link_local")
_NONE, _HEARTBEAT, _IP_EVENT = 0, 1, 2
_NAMED, _UNKNOWN, _AMBIGUOUS, _SHARED, _GAP, _EXTERNAL, _GROUP, _LINK_LOCAL = range(len(REASONS))
_REASON_OF_STATE = np.array([_UNKNOWN, _GAP, _AMBIGUOUS, _NAMED], np.uint8)


@dataclass(frozen=True)
class Endpoints:
    """n ends of flows, whichever side they are on. `network` indexes `names`. `listening`: the end listens on `service_port`."""

    names: Sequence[str]
    network: U32
    ip: U8  # (n, 16)
    protocol: U8
    service_port: U16
    listening: NDArray[np.bool_]
    first_us: I64
    last_us: I64


@dataclass(frozen=True)
class Attribution:
    """`owner`: number of a name in the map, NOBODY where `reason` says why. `agent`: the end counts for itself.

    `node`: number of the node's name whose heartbeats named the owner. NOBODY where no heartbeat did, and where those of several nodes are
    within reach of the flow: an address may move from node to node with its owner. `by_port`: the port's listener named it. `service`:
    number of the service's name whose address it is; NOBODY where it is none, or not one all the time.
    """

    owner: U32
    source: U8  # index into SOURCES
    reason: U8  # index into REASONS
    agent: NDArray[np.bool_]
    node: U32
    by_port: NDArray[np.bool_]
    service: U32


def attribute(known: OwnershipMap, ends: Endpoints) -> Attribution:
    """Heartbeats of the port's listener first, then of the whole address, then events; one owner for all of the flow's time."""
    first_us = np.clip(np.minimum(ends.first_us, ends.last_us), NEVER_US, FOREVER_US)
    last_us = np.clip(np.maximum(ends.first_us, ends.last_us), NEVER_US, FOREVER_US)
    address_ids = known.evidence.find(ends.names, ends.network, ends.ip, ends.protocol, np.zeros_like(ends.service_port))
    group, link_local, loopback = is_group(ends.ip), is_link_local(ends.ip), is_loopback(ends.ip)
    whole_ids = np.where(group | link_local, -1, address_ids)
    found = as_of(known.pieces, known.evidence.leases, whole_ids, first_us, last_us, known.tolerance)
    named_ids = _listeners(known, ends, whole_ids, (first_us, last_us), found)
    state, owner, node = found.state, found.owner, found.node
    source = np.full(len(state), _HEARTBEAT, np.uint8)
    if known.event_pieces.rows:
        _events(known, address_ids, (first_us, last_us), found, source)
    _nodes(known, named_ids, (first_us, last_us), found)
    never, reason = state == NEVER, _REASON_OF_STATE[state]
    reason[never & group], reason[never & link_local] = _GROUP, _LINK_LOCAL
    reason[loopback | never & known.evidence.has_ports(whole_ids)] = _SHARED
    nameless = reason != _NAMED
    source[nameless], owner[nameless] = _NONE, NOBODY
    node[nameless | (source != _HEARTBEAT)] = NOBODY
    agent = known.evidence.has_agent(address_ids) & ~group | loopback
    return Attribution(owner, source, reason, agent, node, named_ids != whole_ids, np.full(len(owner), NOBODY, np.uint32))


def _listeners(known: OwnershipMap, ends: Endpoints, whole_ids: I64, span: tuple[I64, I64], found: Found) -> I64:
    """Shared addresses: a port's listener goes before the node that owns the address. Returns the ids that name: of ports, of addresses.

    A listener's word counts only where the whole address is nobody's, its own or a node's: otherwise the address was
    a stranger's then. A listener that was there for a part of the flow leaves a gap; one that was not, the node, if
    it was heard all the time: it would have told of a listener.
    """
    rows = np.flatnonzero(ends.listening & (ends.service_port > 0) & known.evidence.has_ports(whole_ids))
    if not rows.size:
        return whole_ids
    state, owner, near = found.state, found.owner, found.near
    ids = known.evidence.find(ends.names, ends.network[rows], ends.ip[rows], ends.protocol[rows], ends.service_port[rows])
    port = as_of(known.pieces, known.evidence.leases, ids, span[0][rows], span[1][rows], known.tolerance)
    holder = near[rows]
    agrees = (holder == NOBODY) | (holder == port.owner) | _is_node(known, holder)
    silent = (port.near == NOBODY) & (state[rows] == NAMED)
    silent[silent] = ~known.heard_throughout(whole_ids[rows[silent]], span[0][rows[silent]], span[1][rows[silent]])
    state[rows] = np.select(
        [(port.state == AMBIGUOUS) | (port.state == NAMED) & ~agrees, port.state == NAMED, (port.near != NOBODY) | silent],
        [AMBIGUOUS, NAMED, np.where(state[rows] == AMBIGUOUS, AMBIGUOUS, GAP)],
        state[rows],
    )
    by_port = port.state == NAMED
    elsewhere = (holder != NOBODY) & (found.node[rows] != port.node)  # another node than the listener's speaks of the address
    node = np.where(elsewhere, NOBODY, port.node)
    named, naming = rows[by_port], whole_ids.copy()
    owner[named], found.node[named], naming[named] = port.owner[by_port], node[by_port], ids[by_port]
    near[rows] = np.where(holder == NOBODY, port.near, holder)
    return naming


def _nodes(known: OwnershipMap, ids: I64, span: tuple[I64, I64], found: Found) -> None:
    """Which of several nodes it was, where one of them can be told."""
    rows = np.flatnonzero((found.state == NAMED) & (found.node == SEVERAL))
    if rows.size:
        found.node[rows] = known.node_of(ids[rows], found.owner[rows], span[0][rows], span[1][rows])


def _events(known: OwnershipMap, ids: I64, span: tuple[I64, I64], found: Found, source: U8) -> None:
    """Events fill what heartbeats leave open, unless a heartbeat within reach names somebody else."""
    state, owner, near = found.state, found.owner, found.near
    rows = np.flatnonzero((state == NEVER) | (state == GAP))
    event = as_of(known.event_pieces, known.evidence.leases, ids[rows], span[0][rows], span[1][rows], known.tolerance)
    contradicted = (near[rows] != NOBODY) & (near[rows] != event.owner)
    event_state = np.where((event.state == NAMED) & contradicted, AMBIGUOUS, event.state)
    state[rows] = np.maximum(state[rows], event_state)
    owner[rows] = np.where(event_state == NAMED, event.owner, owner[rows])
    source[rows] = np.where(event_state == NAMED, _IP_EVENT, source[rows])


def _is_node(known: OwnershipMap, owner: U32) -> NDArray[np.bool_]:
    numbers, index = np.unique(owner, return_inverse=True)
    texts = known.names.texts
    nodes = [number not in (NOBODY, SEVERAL) and texts[number].startswith(NODE_PREFIX) for number in numbers.tolist()]
    return np.array(nodes, np.bool_)[index]
