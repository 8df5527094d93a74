"""`weir doctor`: is every part fit, and what is to be done?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from click import Choice, option

from weir.output.stdout import write
from weir.settings.options import Run
from weir.settings.options import command as make

if TYPE_CHECKING:
    from weir.doctor.finding import Finding
    from weir.settings.catalogue import Settings


@make("doctor")
@option(
    "--for",
    "role",
    type=Choice(("all", "agent", "worker", "watcher", "detector", "console")),
    default="all",
    show_default=True,
    help="Look only at what this one needs.",
)
@option("--format", "form", type=Choice(("table", "json")), default="table", show_default=True, help="json is one object a line.")
def command(run: Run, role: str, form: str) -> int:
    """Says for every part whether it is fit, and what to do where it is not. Changes nothing.

    Status 0 if everything that is needed is fit, 1 otherwise. A part that no setting asks for is not needed.
    """
    findings = _findings(run.settings(), role)
    if form == "json":
        for finding in findings:
            write(orjson.dumps({"part": finding.part, "fit": finding.fit, "found": finding.found, "remedy": finding.remedy}).decode())
    else:
        from weir.output.tables import show_table

        show_table(("part", "fit", "found", "what to do"), [(f.part, f.verdict, f.found, f.remedy) for f in findings])
    return 1 if any(finding.fit is False for finding in findings) else 0


def _findings(settings: Settings, role: str) -> list[Finding]:
    from weir.doctor.cluster import check_cluster
    from weir.doctor.console import check_console, has_console
    from weir.doctor.group import check_group
    from weir.doctor.kubernetes import check_kubernetes
    from weir.doctor.node import check_node
    from weir.doctor.regions import check_regions
    from weir.doctor.servers import check_clickhouse, check_clock, check_kafka, check_rights

    node = (*check_node(settings.cgroup), *check_kubernetes(settings)) if role in ("all", "agent") else ()
    works = role in ("all", "worker")
    tables = check_clickhouse(settings) if works or role in ("detector", "console") else ()
    console = [check_console(settings)] if role in ("all", "console") and has_console() else []
    regions = check_regions(settings) if works else ()
    cluster = check_cluster(settings) if role in ("all", "watcher") else ()
    kafka = check_kafka(settings) if role != "console" else ()
    # Without Kafka there is nothing to ask about the group.
    group = [check_group(settings)] if works and kafka[0].fit is not False else []
    rights = check_rights(settings, role) if kafka and kafka[0].fit else ()
    return [*node, *kafka, *rights, *group, *regions, *tables, *cluster, *console, check_clock()]
