"""Changes as rows of `weir.findings`, and rows as changes."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from schemas.records.finding import Finding, FindingKey
from schemas.records.finding_change import FindingChange
from schemas.records.tables import FINDINGS


def rows_of(changes: Iterable[FindingChange]) -> pa.Table:
    """One row an id: that of its last change."""
    last = {change.finding.id: change for change in changes}
    rows = [
        {
            "id": change.finding.id,
            "kind": change.finding.key.kind,
            "network": change.finding.key.network,
            "subject": change.finding.key.subject,
            "peer": change.finding.key.peer,
            "service_port": change.finding.key.service_port,
            "state": change.finding.state,
            "severity": change.finding.severity,
            "first_seen": change.finding.first_seen_us,
            "last_seen": change.finding.last_seen_us,
            "count": change.finding.count,
            "evidence": change.finding.evidence,
            "withheld": change.withheld,
            "version": change.finding.version,
        }
        for change in last.values()
    ]
    columns = {name: [row[name] for row in rows] for name in FINDINGS.names}
    return pa.table(columns, schema=FINDINGS)


def findings_of(rows: pa.Table) -> tuple[FindingChange, ...]:
    """As they stand in the table, as if each had been updated then."""
    micros = {name: rows.column(name).cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()) for name in ("first_seen", "last_seen")}
    plain = rows.drop_columns(["first_seen", "last_seen"]).append_column("first_seen", micros["first_seen"])
    return tuple(_change(row) for row in plain.append_column("last_seen", micros["last_seen"]).to_pylist())


def _change(row: dict[str, object]) -> FindingChange:
    key = FindingKey(row["kind"], row["network"], row["subject"], row["peer"], row["service_port"])  # type: ignore[arg-type]
    names = ("id", "state", "severity", "first_seen", "last_seen", "count", "evidence", "version")
    its, state, severity, first, last, count, evidence, version = (row[name] for name in names)
    finding = Finding(its, key, state, severity, first, last, count, evidence, version)  # type: ignore[arg-type]
    return FindingChange("updated", finding, row["withheld"])  # type: ignore[arg-type]
