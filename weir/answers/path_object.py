"""A path's answer as the plain values that JSON has."""

from __future__ import annotations

from typing import Any

from schemas.instants import format_instant
from sinks.filter.tree import Prefix
from weir.answers.path import Path


def as_object(path: Path) -> dict[str, Any]:
    """Instants in RFC 3339; None: not known."""
    verdict, ends = path.verdict, path.question.ends
    seen, share = verdict.seen, verdict.share
    since = seen.failing_since_us if verdict.word == "broke" else seen.first_failure_us
    return {
        "client": ends.client,
        "server": ends.server.written if isinstance(ends.server, Prefix) else ends.server,
        "protocol": ends.protocol,
        "service_port": ends.port,
        "verdict": verdict.word,
        "ok": verdict.ok,
        "sentence": path.sentence,
        "share": None if share is None else {"low": share.low, "high": share.high},
        **{name: getattr(seen, name) for name in ("opened", "failed", "refused", "timed_out", "reset", "bytes")},
        "last_success": _instant(seen.last_success_us),
        "first_failure": _instant(since),
        "first_success": _instant(seen.first_success_us),
        "last_failure": _instant(seen.last_failure_us),
        "until": _instant(path.answered.end_s * 1_000_000),
        "evidence": evidence_columns(path),
        "reasons": list(path.reasons),
    }


def evidence_columns(path: Path) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for name in path.evidence.column_names:
        values = path.evidence[name].to_pylist()
        instants = name.endswith("_us")
        found[name.removesuffix("_us")] = [_instant(value) for value in values] if instants else values
    return found


def _instant(instant_us: int | None) -> str | None:
    return None if instant_us is None else format_instant(instant_us)
