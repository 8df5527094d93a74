"""`weir cost`."""

from __future__ import annotations

from schemas.errors import WeirError
from weir.settings.options import Run
from weir.settings.options import command as make


@make("cost")
def command(run: Run) -> None:
    """What transfer costs."""
    raise WeirError("`weir cost` is not built yet.")
