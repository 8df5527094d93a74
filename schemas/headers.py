"""Names of the headers that weir's messages carry. Values are UTF-8; a consumer leaves out those that it does not know."""

from __future__ import annotations

SOURCE = "weir-source"
"""Of weir.attributed: TOPIC:PARTITION:FIRST-LAST, the block. Of a dead letter: TOPIC:PARTITION:OFFSET, where the message stood."""
TOPIC_ID = "weir-topic-id"
"""Kafka's id of the source topic; absent where the broker has none."""
PART = "weir-part"
"""NUMBER/COUNT: which of the block's messages it is."""
REASON = "weir-reason"
"""Why a dead letter could not be used: one sentence."""
REPLAYED = "weir-replayed"
"""Where a dead letter stood first, on the message that was sent again."""
WORKER = "weir-worker"
"""Of weir.ownership: which worker wrote it."""
LEASES = "weir-leases"
"""Of weir.ownership: its writer tells leases, and an Ownership record with this header says nothing to whoever reads those."""
