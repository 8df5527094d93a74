"""`weir forecast`."""

from __future__ import annotations

from schemas.errors import WeirError
from weir.settings.options import Run
from weir.settings.options import command as make


@make("forecast")
def command(run: Run) -> None:
    """How traffic goes on."""
    raise WeirError("`weir forecast` is not built yet.")
