"""`weir watcher` from its settings: Kafka, the API server and the metrics port opened, and a watcher run until it is told to end."""

from __future__ import annotations

import os
import socket
import threading
import uuid

from kubernetes.client.api_client import ApiClient

from producers.observe.responder import Page, Responder
from producers.publish.publisher import Publisher
from producers.watcher.client import ClientTransport, own_namespace
from producers.watcher.inherited import Inherited, read_inherited
from producers.watcher.leader import ApiLeases
from producers.watcher.metrics import WatcherMetrics
from producers.watcher.settings import WatcherSettings
from producers.watcher.watcher import Watcher
from schemas.wire.framing import Framer


def run_watcher(settings: WatcherSettings, client: ApiClient, framer: Framer, stop: threading.Event) -> None:
    """Blocks until `stop` is set. `client`: of the API server."""
    config = {"bootstrap.servers": settings.kafka_bootstrap, **settings.kafka_config}

    def inherit() -> Inherited:
        return read_inherited(config, framer, settings.network, stop)

    publisher = Publisher(settings.kafka_bootstrap, "weir-watcher", settings.kafka_config)
    watcher = Watcher(
        settings.network,
        _name(),
        transport=lambda: ClientTransport(client),
        leases=ApiLeases(ClientTransport(client), settings.lease_namespace or own_namespace(), settings.lease_name),
        outlet=publisher,
        framer=framer,
        inherit=inherit,
    )
    responder = _serve(settings, watcher) if settings.metrics_port else None
    try:
        watcher.run(stop)
    finally:
        publisher.close()
        if responder is not None:
            responder.close()


def _name() -> str:
    """New with each start: in a pod, the host's name is the pod's."""
    return f"{(os.environ.get('HOSTNAME') or socket.gethostname())[:200]}-{uuid.uuid4().hex[:8]}"


def _serve(settings: WatcherSettings, watcher: Watcher) -> Responder:
    metrics = WatcherMetrics(watcher.cluster, watcher.informers, watcher.candidate, watcher.telling)

    def page(verdict: tuple[bool, str]) -> Page:
        fit, line = verdict
        return Page(f"{line}\n", 200 if fit else 503)

    content_type = "text/plain; version=0.0.4; charset=utf-8"
    pages = {
        "/metrics": lambda: Page(metrics.text(), content_type=content_type),
        "/health": lambda: page(watcher.health()),
        "/health/live": lambda: page(watcher.alive()),
    }
    responder = Responder(settings.metrics_address, settings.metrics_port, pages)
    responder.start()
    return responder
