"""`weir agent`: counts on this node and publishes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from click import option

from weir.output.stdout import write
from weir.settings.options import Run
from weir.settings.options import command as make

if TYPE_CHECKING:
    from weir.settings.catalogue import Settings

log = logging.getLogger(__name__)
TOPICS_SECONDS = 2.0
"""Counting must not wait long for topics: without Kafka the agent collects into its spool."""


@make("agent")
@option("--remove-on-exit", is_flag=True, help="At the end publish the running window too, and take the programs out of the kernel.")
@option("--remove", is_flag=True, help="Only take an earlier agent's programs and counts out of the kernel.")
def command(run: Run, remove_on_exit: bool, remove: bool) -> None:
    """Counts what this node's sockets carry and publishes a batch per window.

    Needs root. On SIGTERM or Ctrl-C the programs stay in the kernel and go on counting for the next start, unless told
    otherwise. While Kafka is away, batches wait in the spool in WEIR_STATE_DIR.
    """
    if remove:
        return _remove(run.settings())
    settings = run.kafka_settings()
    _try_topics(settings)
    from weir.agent_process import become_agent

    become_agent(agent_fields(settings, remove_on_exit), run.log_level)


def agent_fields(settings: Settings, remove_on_exit: bool) -> dict[str, Any]:
    """The agent's part of the settings, by the names of AgentSettings."""
    from weir.kafka.client import security_config
    from weir.kafka.framer import flow_batch_version

    return {
        "node_id": settings.node_id or None,
        "region": settings.region,
        "region_by_label": "region" not in settings.model_fields_set,
        "network": settings.network,
        "cgroup": settings.cgroup,
        "window_seconds": settings.window_seconds,
        "state_dir": settings.state_dir,
        "spool_bytes": settings.spool_bytes,
        "kafka_bootstrap": settings.kafka_bootstrap,
        "kafka_config": security_config(settings),
        "names_file": settings.names_file,
        "map_entries": settings.map_entries,
        "domains": settings.domains,
        "batch_flows": settings.batch_flows,
        "remove_on_exit": remove_on_exit,
        "registry_url": settings.schema_registry_url,
        "registry_ca_file": str(settings.schema_registry_ca_file or ""),
        "zone": settings.zone,
        "kubernetes": settings.kubernetes == "auto",
        "node_name": settings.node_name,
        "flow_batch_version": flow_batch_version(settings),
        "agent_version": _version(),
        "metrics_address": settings.metrics_address,
        "metrics_port": settings.metrics_port,
    }


def _version() -> str:
    """weir's own. Asked here: the agent would keep what it takes to find out."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("weir")
    except PackageNotFoundError:
        return ""


def _remove(settings: Settings) -> None:
    from bpf.cgroup import resolve_cgroup
    from bpf.probe import remove_probe

    cgroup = resolve_cgroup(str(settings.cgroup) if settings.cgroup else None)
    remove_probe(cgroup)
    write(f"No program of weir's is attached to {cgroup} any more.")


def _try_topics(settings: Settings) -> None:
    from schemas.errors import WeirError
    from weir.kafka.topics import create_topics

    try:
        create_topics(settings, timeout=TOPICS_SECONDS)
    except WeirError as error:
        log.warning("%s Counting starts all the same.", error)
