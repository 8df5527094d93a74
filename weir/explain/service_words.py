"""Why a flow to a service address has its name, or none: what watchers told of the address, in words."""

from __future__ import annotations

from schemas.instants import format_instant
from weir.explain.evidence import Behind, Evidence
from weir.explain.known import Known


def of_service(evidence: Evidence, known: Known) -> str:
    """Of an answer that what watchers told has given."""
    flow = evidence.flow
    where = f"{flow.protocol} port {flow.service_port} of {flow.remote_ip}"
    near = [one for one in evidence.behind if one.start_us <= flow.last_us + known.skew_us and one.end_us >= flow.first_us - known.skew_us]
    match known.reason:
        case "":
            return f"{where} is the service {known.service}, and all its backends of that time are of {known.workload}: {_list(near)}."
        case "shared":
            return f"{where} is the service {known.service}; its backends of that time are not of one known workload: {_list(near)}."
        case "ambiguous":
            return f"{where} is of different services within the flow's time, or watchers disagree: {_list(near)}. A name would be a guess."
    told = f" Told is: {_list(near or list(evidence.behind[:2]))}." if evidence.behind else ""
    return f"{where} is a service's at some time, and no watcher's word covers all of the flow's time.{told}"


def backends(one: Behind) -> str:
    """Of a service at that time; a workload that is not known is one, too."""
    return ", ".join(name or "(not known)" for name in one.workloads) or "none"


def _list(stood: list[Behind]) -> str:
    parts = (f"{one.service} ({backends(one)}) from {format_instant(one.start_us)} to {format_instant(one.end_us)}" for one in stood)
    return "; ".join(parts) or "by more words than are shown"
