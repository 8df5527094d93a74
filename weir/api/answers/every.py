"""Every answer that has a path of its own."""

from __future__ import annotations

from weir.api.answers import cost, findings, forecast, health, path, segments

EVERY = (path.ANSWER, health.ANSWER, cost.ANSWER, forecast.ANSWER, segments.ANSWER, findings.ANSWER)
