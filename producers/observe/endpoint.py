"""The metrics port of an agent: which pages it has."""

from __future__ import annotations

from producers.observe.metrics import AgentMetrics
from producers.observe.responder import Page, Responder
from producers.observe.text_format import CONTENT_TYPE


def serve(address: str, port: int, metrics: AgentMetrics) -> Responder:
    """/metrics for Prometheus, and /health: 200 or 503 with one line. Runs on a thread of its own until it is closed."""

    def health() -> Page:
        fit, line = metrics.health()
        return Page(f"{line}\n", 200 if fit else 503)

    responder = Responder(address, port, {"/metrics": lambda: Page(metrics.text(), content_type=CONTENT_TYPE), "/health": health})
    responder.start()
    return responder
