"""Which of two views of one flow counts, by rule from the record and the ownership map alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schemas.addresses import is_group
from schemas.arrays import U8, U16
from schemas.protocols import UDP
from schemas.records.flow_batch import ROLE_CLIENT, ROLE_SERVER

_EPHEMERAL = 32_768
"""As in bpf/udp_role.h: below it both ends take the roles of a UDP flow from its ports, and come to the same."""


def canonical(protocol: U8, service_port: U16, role: U8, local_ip: U8, remote_ip: U8, remote_agent: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """True for the view that counts; `remote_agent`: an agent speaks for the remote end, at any time within the retention.

    - the client's view counts;
    - the server's counts where the client's end has no agent; its own address has one, as this record shows;
    - where nobody knows who opened, the view whose local address is the lower one counts, or the only one. Both ends
      on one address are told apart by nothing in the record: each counts;
    - likewise in UDP from port 32768 on, between two addresses: a role there is what one end makes of its own socket, and the other's need
      not match it. Who began can look different from two ends, and a socket may be older than the programs that would have noted it;
    - what is sent to a group (multicast, broadcast) has one sender and any number of receivers, whose local address is the
      group's: the sender's view counts, whatever the roles; a receiver's where the sender has no agent.
    """
    order = _compare(local_ip, remote_ip)
    alone = ~remote_agent & (order != 0)
    undecided = ~remote_agent | (order <= 0)
    received, sent = is_group(local_ip), is_group(remote_ip)
    own_opinion = (protocol == UDP) & (service_port >= _EPHEMERAL) & (order != 0)
    conditions = [received, sent, own_opinion, role == ROLE_CLIENT, role == ROLE_SERVER]
    decided: NDArray[np.bool_] = np.select(conditions, [~remote_agent, np.True_, undecided, np.True_, alone], undecided)
    return decided


def _compare(left: U8, right: U8) -> NDArray[np.int8]:
    """-1, 0 or 1 a row, bytes compared in order."""
    a = np.ascontiguousarray(left).view(">u8").reshape(-1, 2)
    b = np.ascontiguousarray(right).view(">u8").reshape(-1, 2)
    high = (a[:, 0] > b[:, 0]).astype(np.int8) - (a[:, 0] < b[:, 0])
    low = (a[:, 1] > b[:, 1]).astype(np.int8) - (a[:, 1] < b[:, 1])
    return np.where(high != 0, high, low).astype(np.int8)
