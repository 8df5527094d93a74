"""librdkafka's settings of every producer of weir: each message once, acknowledged by all replicas, waited for as long as it takes."""

from __future__ import annotations

SAFE: dict[str, str | int | bool] = {
    "enable.idempotence": True,
    "acks": "all",
    "compression.type": "zstd",
    "message.timeout.ms": 0,  # whoever sends decides when to give up, not the client
}
