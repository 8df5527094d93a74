"""Segments as the command and the API show them: by column."""

from __future__ import annotations

from typing import Any

from weir.answers.segments import Segmentation
from weir.output.sums import instant


def as_object(found: Segmentation) -> dict[str, Any]:
    return {
        "roles": {
            "role": [role.name for role in found.roles],
            "label": [role.label for role in found.roles],
            "members": [list(role.members) for role in found.roles],
            "confidence": [role.confidence for role in found.roles],
            "sure": [role.sure for role in found.roles],
        },
        "edges": {
            "from": [edge.source for edge in found.edges],
            "to": [edge.target for edge in found.edges],
            "protocol": [edge.protocol for edge in found.edges],
            "service_port": [edge.port for edge in found.edges],
            "connections": [edge.connections for edge in found.edges],
            "bytes": [edge.bytes for edge in found.edges],
            "first_seen": [instant(edge.first_s) for edge in found.edges],
            "last_seen": [instant(edge.last_s) for edge in found.edges],
        },
        "cut": {
            "client": [call.client or call.address for call in found.cut],
            "server": [call.server or call.domain or call.address for call in found.cut],
            "protocol": [call.protocol for call in found.cut],
            "service_port": [call.port for call in found.cut],
            "connections": [call.connections for call in found.cut],
            "bytes": [call.bytes for call in found.cut],
            "last_seen": [instant(call.last_s) for call in found.cut],
        },
        "policies": found.manifests,
        "needs": list(found.needs),
        "checked": found.checked,
    }
