"""Named instants between two steps at which a process may be made to die, by tests alone.

`reach` does nothing unless code has called `arm`, and no code of weir does: neither a setting nor the environment can. It costs
a comparison, and stands between the steps of a block or of a window, never inside a loop over flows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

WorkerPoint = Literal[
    "restore.begun",
    "restore.read",
    "restore.ended",
    "block.cut",
    "block.decided",
    "block.built",
    "insert.losses",
    "insert.ownership_ranges",
    "insert.ownership_rests",
    "insert.flows",
    "insert.batches",
    "block.inserted",
    "block.published",
    "block.committed",
    "block.dropped",
    "learner.learned",
    "learner.changes_told",
    "learner.leases_told",
]
"""In the order of a lane's opening and of a block. `insert.*`: the table of that name has the block.

`learner.*`: the map has what batches taught, and nothing of it is told; Kafka has what changed, and no lease of the states that it led
to; Kafka has leases, and no watermark that stands for them.
"""

LossPoint = Literal["loss.told", "loss.committed"]
"""Between the steps of telling what Kafka dropped."""

ForwardPoint = Literal["outbox.kept", "outbox.confirmed", "link.sent", "link.removed"]
"""Between the steps of a block with flows of other regions, and of a message on its way there."""

AgentPoint = Literal[
    "window.journalled",
    "window.swapped",
    "window.drained",
    "window.spooled",
    "window.safe",
    "window.cleared",
    "segment.offered",
    "segment.acknowledged",
    "segment.removed",
]
"""In the order of a window's way from the kernel to Kafka."""

RecomputePoint = Literal["recompute.begun", "recompute.rewound", "recompute.removing", "recompute.removed"]
"""Between the steps of a recomputation; `removing`: after each step of it."""

DetectorPoint = Literal["findings.looked", "findings.sent", "findings.logged", "findings.written", "notice.delivered", "notice.kept"]
"""In the order of a step and of a notice. `sent`: Kafka has the step's changes, and not that they count."""

Point = WorkerPoint | LossPoint | ForwardPoint | AgentPoint | RecomputePoint | DetectorPoint

WORKER_POINTS: tuple[str, ...] = get_args(WorkerPoint)
LOSS_POINTS: tuple[str, ...] = get_args(LossPoint)
FORWARD_POINTS: tuple[str, ...] = get_args(ForwardPoint)
AGENT_POINTS: tuple[str, ...] = get_args(AgentPoint)
RECOMPUTE_POINTS: tuple[str, ...] = get_args(RecomputePoint)
DETECTOR_POINTS: tuple[str, ...] = get_args(DetectorPoint)

_armed: Callable[[str], None] | None = None


def reach(point: Point, settle: Callable[[], None] | None = None) -> None:
    """The process is at this point. `settle`: waits for what was asked for before it; called by an armed process alone, since weir itself
    goes on without waiting.
    """
    if _armed is not None:
        if settle is not None:
            settle()
        _armed(point)


def arm(act: Callable[[str], None] | None) -> None:
    """From now on `act` is called with the name of every point that is reached, in the thread that reached it. None: no more."""
    global _armed
    _armed = act
