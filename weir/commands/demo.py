"""`weir demo`: the whole road in one terminal."""

from __future__ import annotations

from pathlib import Path

import click
from click import option

from schemas.errors import SettingError
from weir.demo.address import WANTED
from weir.settings.options import Run
from weir.settings.options import command as make

DIRECTORY = click.Path(path_type=Path, file_okay=False)


@make("demo")
@option("--duration", type=click.FloatRange(min=0, min_open=True), metavar="S", help="End after S seconds; absent: on Ctrl-C.")
@option("--data-dir", type=DIRECTORY, metavar="DIR", help="Where the tables go; what is there already stays.")
@option("--traffic/--no-traffic", default=True, help="Make traffic between namespaces, or watch what is there.", show_default=True)
@option("--cgroup", type=DIRECTORY, metavar="PATH", help="With --no-traffic: the cgroup v2 subtree to watch; absent: the whole machine.")
@option("--console", default=WANTED, show_default=True, metavar="ADDR:PORT", help="Where the console listens; taken: the next free port.")
@option("--scale", is_flag=True, help="A recording of 2,000 workloads and 5,000 edges over a day instead of the shop; see below.")
@option("--no-console", is_flag=True, help="No console.")
def command(
    run: Run, duration: float | None, data_dir: Path | None, traffic: bool, cgroup: Path | None, console: str, scale: bool, no_console: bool
) -> None:
    """Shows the whole road: nodes with agents, an embedded Kafka, a worker, and tables to query.

    The console shows it in a browser. On a terminal there is a live view of who talks to whom, a line per window otherwise. It ends
    after --duration or on Ctrl-C, when every window has reached the tables, and takes everything down that it put up. `weir query`
    and `weir console` find its tables afterwards.

    With --scale nothing is counted: a made-up day that ends now is written straight into the tables of its own DIR, whose views
    fill the rollups, and goes on. A deploy, a scan and an outage are in it, at times that it prints. Each start begins anew.
    """
    from weir.demo.plan import DemoOptions

    options = DemoOptions(duration, data_dir, traffic, cgroup, None if no_console else console, run.config, run.log_level)
    if scale:
        from weir.demo.scale.run import run_scale

        check_scale(traffic, cgroup)
        run_scale(options)
    else:
        from weir.demo.run import run_demo

        run_demo(options)


def check_scale(traffic: bool, cgroup: Path | None) -> None:
    if not traffic or cgroup is not None:
        raise SettingError("--scale counts nothing: leave --no-traffic and --cgroup out.")
