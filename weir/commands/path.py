"""`weir path`."""

from __future__ import annotations

from schemas.errors import WeirError
from weir.settings.options import Run
from weir.settings.options import command as make


@make("path")
def command(run: Run) -> None:
    """Whether CLIENT reaches SERVER."""
    raise WeirError("`weir path` is not built yet.")
