"""`weir detector`."""

from __future__ import annotations

from schemas.errors import WeirError
from weir.settings.options import Run
from weir.settings.options import command as make


@make("detector")
def command(run: Run) -> None:
    """Looks for findings as windows close."""
    raise WeirError("`weir detector` is not built yet.")
