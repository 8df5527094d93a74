"""`weir watcher`: tells Kafka what Kubernetes knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weir.settings.options import Run
from weir.settings.options import command as make

if TYPE_CHECKING:
    from producers.watcher.settings import WatcherSettings
    from weir.settings.catalogue import Settings


@make("watcher")
def command(run: Run) -> None:
    """Tells Kafka what Kubernetes knows: services and their backends, workloads and their labels, nodes and their zones.

    Run two in a cluster: one leads by a Lease, the other takes over within seconds. Needs to get, list and watch what it tells of,
    and nothing more. On SIGTERM or Ctrl-C it gives the Lease back.
    """
    settings = run.kafka_settings()
    watcher_settings = settings_for_watcher(settings)
    from producers.watcher.client import open_client
    from producers.watcher.process import run_watcher
    from weir.kafka.framer import open_framer
    from weir.kafka.topics import ensure_topics
    from weir.signals import stop_on_signals

    client = open_client(watcher_settings.kubeconfig)  # what is wrong with it is said before Kafka is waited for
    stop = stop_on_signals()
    ensure_topics(settings, stop)
    run_watcher(watcher_settings, client, open_framer(settings), stop)


def settings_for_watcher(settings: Settings) -> WatcherSettings:
    """The watcher's part of the settings."""
    from producers.watcher.settings import WatcherSettings
    from weir.kafka.client import security_config

    return WatcherSettings(
        kafka_bootstrap=settings.kafka_bootstrap,
        network=settings.network,
        kubeconfig=str(settings.kubeconfig or ""),
        lease_namespace=settings.lease_namespace,
        lease_name=settings.lease_name,
        metrics_address=settings.metrics_address,
        metrics_port=settings.metrics_port,
        kafka_config=security_config(settings),
    )
