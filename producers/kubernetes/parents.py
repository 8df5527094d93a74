"""The ReplicaSets and Jobs behind pods: asked for one at a time, each once."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from urllib.parse import quote

from producers.kubernetes.owners import Controller, Metadata, parse_metadata
from producers.kubernetes.reflector import METADATA
from producers.kubernetes.transport import ApiError, Transport

log = logging.getLogger("weir.agent")

PARENT_LIMIT = 1_024
"""The longest unasked are forgotten beyond it, and asked for again when a pod of theirs comes."""
_COLLECTIONS = {"ReplicaSet": "/apis/apps/v1/namespaces/{}/replicasets/{}", "Job": "/apis/batch/v1/namespaces/{}/jobs/{}"}


class Parents:
    """Called by one thread. The transport is not closed here."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._known: dict[str, Metadata] = {}
        self._complained = False

    def __len__(self) -> int:
        return len(self._known)

    def parent(self, namespace: str, reference: Controller) -> Metadata | None:
        """None where the server has none by that name and uid, or may not tell it. Raises OSError or ApiError: ask later."""
        known = self._known.pop(reference.uid, None) or self._asked(namespace, reference)
        if known is None or known.uid != reference.uid:
            return None
        self._known[reference.uid] = known
        if len(self._known) > PARENT_LIMIT:
            del self._known[next(iter(self._known))]
        return known

    def _asked(self, namespace: str, reference: Controller) -> Metadata | None:
        path = _COLLECTIONS[reference.kind].format(quote(namespace, safe=""), quote(reference.name, safe=""))
        try:
            return replace(parse_metadata(json.loads(self._transport.get(path, METADATA))), labels={})
        except ApiError as error:
            if error.status == 404:
                return None
            if error.status != 403:
                raise
            if not self._complained:
                said = "Pods of %s %s/%s go by their uid: the API server refuses (%s); `weir doctor` names the right that is missing."
                log.warning(said, reference.kind, namespace, reference.name, error)
            self._complained = True
            return None
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return None
