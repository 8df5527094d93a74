"""`weir paths`."""

from __future__ import annotations

from schemas.errors import WeirError
from weir.settings.options import Run
from weir.settings.options import command as make


@make("paths")
def command(run: Run) -> None:
    """Whether a list of paths is as it must be."""
    raise WeirError("`weir paths` is not built yet.")
