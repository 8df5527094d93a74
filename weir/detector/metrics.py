"""What a detector says about itself, as Prometheus metrics."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

LEADING = Gauge("weir_detector_leading", "1 while this detector leads; 0 while it waits.")
TERMS = Counter("weir_detector_terms", "Times that it began to lead.")
STEPS = Counter("weir_detector_steps", "Steps looked at.")
SKIPPED = Counter("weir_detector_steps_skipped", "Steps not looked at: it was away for too long.")
STEP_SECONDS = Counter("weir_detector_step_seconds", "Time taken by the looks at all steps.")
LOOKED_UNTIL = Gauge("weir_detector_looked_until_timestamp_seconds", "End of the last step looked at.")
OPEN = Gauge("weir_detector_open", "Open findings.", ["kind"])
REFUSED = Counter("weir_detector_refused", "Findings not opened in a step, because too many are open.")
UNWRITABLE = Counter("weir_detector_unwritable", "Findings refused in a step, because no message can hold them.")
WATCH_FAILURES = Counter("weir_detector_watch_failures", "Looks that a watch could not finish.", ["watch"])
DELIVERIES = Counter("weir_detector_deliveries", "Notices delivered.", ["receiver"])
FAILURES = Counter("weir_detector_delivery_failures", "Tries that a receiver did not take.", ["receiver"])
PENDING = Gauge("weir_detector_pending", "Notices that a receiver has not taken yet.", ["receiver"])
