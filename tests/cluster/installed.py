"""weir in the cluster: installed by its chart, as docs/kubernetes.md says."""

from __future__ import annotations

from tests.cluster.cluster import helm, rolled_out
from tests.support.processes import ROOT

NAMESPACE = "weir"
CHART = str(ROOT / "infra" / "helm" / "weir")
PARTS = ("daemonset/weir-agent", "deployment/weir-watcher", "statefulset/weir-worker")
ACCOUNTS = ("weir-agent", "weir-watcher", "weir-worker")
IMAGES = {"image.registry": "localhost", "image.tag": "test", "image.pullPolicy": "Never"}
SETTINGS = {"config.WEIR_WINDOW_SECONDS": "5"}


class Release:
    """The chart's release `weir` with its values; changes of values are upgrades."""

    def __init__(self, bootstrap: str, url: str) -> None:
        self._values = {"kafka.bootstrap": bootstrap, "clickhouse.url": url, **IMAGES, **SETTINGS}

    @property
    def arguments(self) -> list[str]:
        return [part for name, value in self._values.items() for part in ("--set-string", f"{name}={value}")]

    def install(self) -> None:
        helm("install", "weir", CHART, "--namespace", NAMESPACE, "--create-namespace", "--wait", "--timeout=4m", *self.arguments)
        rolled_out(NAMESPACE, *PARTS)

    def upgrade(self, **values: str) -> None:
        """Returns when every part runs with the values."""
        more = [part for name, value in values.items() for part in ("--set-string", f"{name.replace('__', '.')}={value}")]
        helm("upgrade", "weir", CHART, "--namespace", NAMESPACE, "--wait", "--timeout=4m", *self.arguments, *more)
        rolled_out(NAMESPACE, *PARTS)

    def roll_back(self) -> None:
        helm("rollback", "weir", "--namespace", NAMESPACE, "--wait", "--timeout=4m")
        rolled_out(NAMESPACE, *PARTS)
