"""`weir findings`."""

from __future__ import annotations

from schemas.errors import WeirError
from weir.settings.options import Run
from weir.settings.options import command as make


@make("findings")
def command(run: Run) -> None:
    """What the detector has found."""
    raise WeirError("`weir findings` is not built yet.")
