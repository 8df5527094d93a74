"""What an agent goes on from: the state that its predecessor left, judged against what the kernel still holds."""

from __future__ import annotations

from collections.abc import Iterable

from bpf.probe import Lost
from producers.losses import Account
from producers.spool.journal import State
from schemas.records.flow_batch import Loss


def account(lost: Iterable[Lost]) -> dict[str, tuple[int, int]]:
    """The probe's cumulative losses by reason."""
    return {entry.reason: (entry.packets, entry.bytes) for entry in lost}


def next_state(previous: State | None, adopted: bool, boot_id: str, now_us: int, lost: Account, next_seq: int) -> State:
    """The same epoch goes on when the kernel's counts were taken over and it is known what was reported of them.

    Otherwise a new one begins, later than every epoch before. Losses that no batch carried yet are kept.
    """
    if previous is None:
        return State(epoch=now_us, boot_id=boot_id, next_seq=next_seq, lost=dict(lost) if adopted else {})
    if adopted and previous.boot_id == boot_id:
        return previous
    return State(
        epoch=max(now_us, previous.epoch + 1),
        boot_id=boot_id,
        next_seq=max(previous.next_seq, next_seq),
        carried=previous.carried,
        at_risk=previous.at_risk,
        at_risk_since_us=previous.at_risk_since_us,
    )


def died_with_memory(state: State) -> tuple[Loss, ...]:
    """Windows that only the memory of a process held that is gone: one loss for all of them."""
    if not any(state.at_risk):
        return ()
    return (Loss(state.at_risk_since_us, "spool", "memory", *state.at_risk, state.next_seq),)
