"""Messages of weir.findings to Avro bodies and back. Whatever is wrong with a body raises Unreadable with one sentence."""

from __future__ import annotations

from typing import Any, get_args

from schemas.errors import Unreadable
from schemas.names import check_names
from schemas.records.finding import Finding, FindingKey, Severity
from schemas.records.finding_change import EVIDENCE_BYTES, ChangeKind, FindingChange, FindingsCheckpoint, Withheld
from schemas.records.validation import check_count, check_instant
from schemas.wire.codec import Body, decode_record, encode_record
from schemas.wire.schema_files import Schema

FINDING, CHECKPOINT = "Finding", "FindingsCheckpoint"
CHECKPOINT_KEY = b"@checkpoint"
_WORDS = {"change": get_args(ChangeKind), "severity": get_args(Severity), "withheld": get_args(Withheld)}


def encode_change(change: FindingChange) -> bytes:
    finding, key = change.finding, change.finding.key
    record = {
        "id": finding.id,
        "change": change.change,
        "kind": key.kind,
        "network": key.network,
        "subject": key.subject,
        "peer": key.peer,
        "service_port": key.service_port,
        "severity": finding.severity,
        "first_seen": finding.first_seen_us,
        "last_seen": finding.last_seen_us,
        "count": finding.count,
        "evidence": finding.evidence,
        "withheld": change.withheld,
        "at": finding.version,
    }
    _check(record)
    return encode_record(FINDING, record)


def decode_change(body: Body, writer: Schema | None = None) -> FindingChange:
    """Kinds that this version does not know are kept: a newer one has found them."""
    read = decode_record(FINDING, body, writer)
    _check(read)
    finding = Finding(
        id=read["id"],
        key=FindingKey(read["kind"], read["network"], read["subject"], read["peer"], read["service_port"]),
        state="closed" if read["change"] == "closed" else "open",
        severity=read["severity"],
        first_seen_us=read["first_seen"],
        last_seen_us=read["last_seen"],
        count=read["count"],
        evidence=read["evidence"],
        version=read["at"],
    )
    return FindingChange(read["change"], finding, read["withheld"])


def encode_checkpoint(checkpoint: FindingsCheckpoint) -> bytes:
    return encode_record(CHECKPOINT, {"at": checkpoint.at_us, "tables_since": checkpoint.tables_since_us})


def decode_checkpoint(body: Body, writer: Schema | None = None) -> FindingsCheckpoint:
    read = decode_record(CHECKPOINT, body, writer)
    check_instant("at", read["at"])
    check_instant("tables_since", read["tables_since"])
    return FindingsCheckpoint(read["at"], read["tables_since"])


def _check(record: dict[str, Any]) -> None:
    check_names("Finding's id, kind or name", (record[name] for name in ("id", "kind", "network", "subject", "peer")))
    for name, words in _WORDS.items():
        if record[name] not in words:
            raise Unreadable(f"A finding has {name} {record[name]!r:.60}; known are {', '.join(word or 'an empty one' for word in words)}.")
    for name in ("first_seen", "last_seen", "at"):
        check_instant(name, record[name])
    check_count("count", record["count"])
    if not 0 <= record["service_port"] < 2**16:
        raise Unreadable(f"A finding has port {record['service_port']}; ports end at 65535.")
    if len(record["evidence"]) > EVIDENCE_BYTES:
        raise Unreadable(f"A finding's evidence has {len(record['evidence'])} characters; {EVIDENCE_BYTES} are read.")
