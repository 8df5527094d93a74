"""`weir health`."""

from __future__ import annotations

from schemas.errors import WeirError
from weir.settings.options import Run
from weir.settings.options import command as make


@make("health")
def command(run: Run) -> None:
    """Which edges do worse than usual."""
    raise WeirError("`weir health` is not built yet.")
