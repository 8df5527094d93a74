"""What a detector would have found in the shop: a call that was new after the deployment and is still open, and a scan that is over."""

from __future__ import annotations

import json

import pyarrow as pa

from schemas.records.finding import FindingKey, finding_id
from schemas.records.tables import FINDINGS
from tests.console.shop import DEPLOY_S, SECOND

NEW_CALL = FindingKey("new_edge", "default", "catalog", "recommender", 8090)
SCAN = FindingKey("scan", "default", "reports", "", 0)
SCAN_BEFORE_S, SCAN_S = 40 * 60, 5 * 60
ATTEMPTS = 4_211


def findings(end_s: int) -> pa.Table:
    new_call = _row(NEW_CALL, end_s - DEPLOY_S, end_s, {"usual_servers": 2, "bytes": 7_919}, state="open", severity="warning", count=1)
    began_s = end_s - SCAN_BEFORE_S
    tried = {"tried": ATTEMPTS, "failed_share": 0.98, "ports": [22, 23], "lasted_s": SCAN_S}
    scan = _row(SCAN, began_s, began_s + SCAN_S, tried, state="closed", severity="critical", count=ATTEMPTS)
    return pa.Table.from_pylist([new_call, scan], schema=FINDINGS)


def _row(key: FindingKey, first_s: int, last_s: int, evidence: dict[str, object], **told: object) -> dict[str, object]:
    named = {"kind": key.kind, "network": key.network, "subject": key.subject, "peer": key.peer, "service_port": key.service_port}
    seen = {"first_seen": first_s * SECOND, "last_seen": last_s * SECOND}
    return {
        "id": finding_id(key, first_s * SECOND),
        **named,
        **seen,
        "evidence": json.dumps(evidence),
        "withheld": "",
        "version": 1,
        **told,
    }
