"""`weir config`: the settings in force and where each came from."""

from __future__ import annotations

import orjson
from click import Choice, option

from weir.output.stdout import write
from weir.settings.mask import mask_setting
from weir.settings.options import Run
from weir.settings.options import command as make


@make("config")
@option("--format", "form", type=Choice(("table", "json")), default="table", show_default=True, help="json is one object a line.")
def command(run: Run, form: str) -> None:
    """Prints the settings in force and where each came from; secrets are masked."""
    from weir.settings.catalogue import Settings
    from weir.settings.sources import variable

    loaded = run.load()
    rows = [
        (variable(field), mask_setting(field, getattr(loaded.settings, field)), loaded.origins[field], info.description or "")
        for field, info in Settings.model_fields.items()
    ]
    if form == "json":
        for name, value, origin, meaning in rows:
            write(orjson.dumps({"setting": name, "value": value, "from": origin, "meaning": meaning}).decode())
        return
    from weir.output.tables import show_table

    show_table(("setting", "value", "from", "meaning"), rows)
