"""The API server of a watcher's cluster, and what it may list there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.errors import SettingError
from weir.doctor.finding import Finding

if TYPE_CHECKING:
    from weir.settings.catalogue import Settings

PART = "Kubernetes API"


def check_cluster(settings: Settings) -> tuple[Finding, ...]:
    """Asks for one object of each kind that a watcher lists, and for its Lease. Not needed where no API server is configured."""
    try:
        from producers.watcher.client import ClientTransport, open_client, own_namespace
    except ModuleNotFoundError:
        return (Finding(PART, None, "only a watcher needs it, and its packages are not installed"),)
    from producers.kubernetes.transport import JSON, ApiError
    from producers.watcher.informers import FORBIDDEN, PATHS, SERVICES
    from producers.watcher.leader import ApiLeases

    try:
        server = ClientTransport(open_client(str(settings.kubeconfig or "")))
    except SettingError as error:
        return (Finding(PART, False if settings.kubeconfig else None, str(error)),)
    refused = []
    try:
        for kind, path in PATHS.items():
            try:
                server.get(f"{path}?limit=1", JSON)
            except ApiError as error:
                if error.status != FORBIDDEN:
                    raise
                refused.append(kind)
        ApiLeases(server, settings.lease_namespace or own_namespace(), settings.lease_name).read()
    except (OSError, ApiError) as error:
        return (Finding(PART, False, f"the API server cannot be used: {error}", "check WEIR_KUBECONFIG, the network and the rights"),)
    if refused:
        found = f"{', '.join(refused)} may not be listed"
        return (Finding(PART, not {*refused} & {*SERVICES}, found, "grant get, list and watch on them"),)
    return (Finding(PART, True, "the API server answers, and lists all that a watcher needs"),)
