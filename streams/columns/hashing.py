"""64-bit hashes of flow keys and losses, equal in every process and on every run.

One dedup group (node, epoch, window) holds some thousands of keys, so 64 bits leave a chance of about 1e-12 a window
that two different keys meet (n**2 / 2**65). Node, epoch and window are the group's own and are not hashed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

import numpy as np

from schemas.arrays import U8, U16, U32, U64
from schemas.records.flow_batch import Loss

_PRIME = np.uint64(0xD6E8FEB86659FD93)
_SEED = np.uint64(0x243F6A8885A308D3)
_SHIFT = np.uint64(32)


@lru_cache(maxsize=65_536)
def text_hash(text: str) -> int:
    """64 bits of a text, by a hash that is not seeded per process."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")


def text_hashes(texts: Sequence[str]) -> U64:
    return np.fromiter((text_hash(text) for text in texts), np.uint64, len(texts))


def mix(words: Sequence[U64]) -> U64:
    """Fold columns of 64-bit words, row by row, into one. Every step is a bijection of the running hash."""
    mixed = np.full(len(words[0]), _SEED, np.uint64)
    spare = np.empty_like(mixed)
    for word in words:
        np.bitwise_xor(mixed, word, out=mixed)
        np.multiply(mixed, _PRIME, out=mixed)
        np.right_shift(mixed, _SHIFT, out=spare)
        np.bitwise_xor(mixed, spare, out=mixed)
    np.multiply(mixed, _PRIME, out=mixed)
    np.right_shift(mixed, _SHIFT, out=spare)
    return np.bitwise_xor(mixed, spare, out=mixed)


def address_words(ip: U8) -> tuple[U64, U64]:
    """(n, 16) address bytes as two columns of 64-bit words."""
    pairs = np.ascontiguousarray(ip).view("<u8").reshape(-1, 2)
    return pairs[:, 0].astype(np.uint64), pairs[:, 1].astype(np.uint64)


def flow_hashes(
    local_ip: U8,
    remote_ip: U8,
    service_port: U16,
    protocol: U8,
    role: U8,
    local_workload: U64,
    network: U64,
) -> U64:
    """One hash a row. `local_workload` and `network` are `text_hashes` of the names, already spread over the rows."""
    ports = service_port.astype(np.uint64)
    ports |= protocol.astype(np.uint64) << np.uint64(16)
    ports |= role.astype(np.uint64) << np.uint64(24)
    return mix((*address_words(local_ip), *address_words(remote_ip), ports, local_workload, network))


def named_flow_hashes(
    local_ip: U8,
    remote_ip: U8,
    service_port: U16,
    protocol: U8,
    role: U8,
    local_workload: U32,
    workloads: Sequence[str],
    network: U32,
    networks: Sequence[str],
) -> U64:
    """`flow_hashes` of dictionary-coded columns, such as rows read back from the `flows` table."""
    return flow_hashes(
        local_ip,
        remote_ip,
        service_port,
        protocol,
        role,
        text_hashes(workloads)[local_workload],
        text_hashes(networks)[network],
    )


def loss_hash(loss: Loss) -> int:
    """The identity of a loss within its node and epoch."""
    return text_hash("\0".join(map(str, (loss.window_start_us, loss.stage, loss.reason, loss.flows, loss.packets, loss.bytes, loss.id))))
