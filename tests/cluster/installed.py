"""weir in the cluster: installed by its chart, as docs/kubernetes.md says."""

from __future__ import annotations

from tests.cluster.cluster import CommandError, helm, kubectl, rolled_out
from tests.support.processes import ROOT

NAMESPACE = "weir"
CHART = str(ROOT / "infra" / "helm" / "weir")
PARTS = (
    "daemonset/weir-agent",
    "deployment/weir-console",
    "deployment/weir-detector",
    "deployment/weir-watcher",
    "statefulset/weir-worker",
)
ACCOUNTS = ("weir-agent", "weir-console", "weir-detector", "weir-watcher", "weir-worker")
IMAGES = {"image.registry": "localhost", "image.tag": "test", "image.pullPolicy": "Never"}
SETTINGS = {"config.WEIR_WINDOW_SECONDS": "5", "config.WEIR_DETECTOR_SECONDS": "30"}


class Release:
    """The chart's release `weir` with its values; changes of values are upgrades."""

    def __init__(self, bootstrap: str, url: str) -> None:
        self._values = {"kafka.bootstrap": bootstrap, "clickhouse.url": url, **IMAGES, **SETTINGS}

    @property
    def arguments(self) -> list[str]:
        return [part for name, value in self._values.items() for part in ("--set-string", f"{name}={value}")]

    def install(self) -> None:
        self._helm("install", "weir", CHART, "--create-namespace", *self.arguments)

    def upgrade(self, **values: str) -> None:
        """Returns when every part runs with the values."""
        more = [part for name, value in values.items() for part in ("--set-string", f"{name.replace('__', '.')}={value}")]
        self._helm("upgrade", "weir", CHART, *self.arguments, *more)

    def roll_back(self) -> None:
        self._helm("rollback", "weir")

    def _helm(self, *arguments: str) -> None:
        """Returns when every part is ready; AssertionError with what the pods say if they do not get there."""
        try:
            helm(*arguments, "--namespace", NAMESPACE, "--wait", "--timeout=4m")
            rolled_out(NAMESPACE, *PARTS)
        except CommandError as error:
            raise AssertionError(f"{error}\n{_pods_say()}") from error


def _pods_say() -> str:
    logs = ("-n", NAMESPACE, "logs", "-l", "app.kubernetes.io/name=weir", "--all-containers", "--prefix", "--tail=8", "--ignore-errors")
    return kubectl("-n", NAMESPACE, "get", "pods", "-o", "wide") + kubectl(*logs)
