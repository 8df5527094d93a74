"""`weir segments`."""

from __future__ import annotations

from schemas.errors import WeirError
from weir.settings.options import Run
from weir.settings.options import command as make


@make("segments")
def command(run: Run) -> None:
    """Roles and policies."""
    raise WeirError("`weir segments` is not built yet.")
