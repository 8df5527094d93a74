"""`weir config`: the settings in force and where each came from."""

from __future__ import annotations

import orjson
from click import Choice, option

from weir.mask import mask_setting
from weir.options import Run
from weir.options import command as make
from weir.stdout import write


@make("config")
@option("--format", "form", type=Choice(("table", "json")), default="table", show_default=True, help="json is one object a line.")
def command(run: Run, form: str) -> None:
    """Prints the settings in force and where each came from; secrets are masked."""
    from weir.settings import Settings
    from weir.sources import variable

    loaded = run.load()
    rows = [
        (variable(field), mask_setting(field, getattr(loaded.settings, field)), loaded.origins[field], info.description or "")
        for field, info in Settings.model_fields.items()
    ]
    if form == "json":
        for name, value, origin, meaning in rows:
            write(orjson.dumps({"setting": name, "value": value, "from": origin, "meaning": meaning}).decode())
        return
    from weir.show import show_table

    show_table(("setting", "value", "from", "meaning"), rows)
