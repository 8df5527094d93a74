"""Every watch of a detector."""

from __future__ import annotations

from weir.detector.health_watch import HealthWatch
from weir.detector.security_watch import SecurityWatch
from weir.detector.watch import Watch


def every_watch() -> tuple[Watch, ...]:
    """New ones: what a watch remembers is of one detector."""
    return (HealthWatch(), SecurityWatch())
