"""Zone and region of this node: as set, else as the node's labels say, else (the zone) as the cloud's metadata service says."""

from __future__ import annotations

from collections.abc import Callable

from producers.kubernetes.place import Place
from producers.zone.finder import ZoneFinder


class NodePlace:
    """`place`: what is known. `given`: what settings say; empty parts are looked for.

    `labels`: asked at each `update`; gives None while the API server has never told. A cloud is asked only where labels name no zone:
    its names for zones are others (AWS: of the account), so that a zone does not change its name when the API server comes back.
    """

    def __init__(self, given: Place, labels: Callable[[], Place | None], finder: ZoneFinder | None) -> None:
        self.place = given
        self._given = given
        self._labels = labels
        self._finder = finder
        self._asks = False

    def update(self) -> Place:
        """Never waits. By the agent's thread."""
        given, labels = self._given, self._labels()
        if labels is not None:
            zone = given.zone or labels.zone or self._by_cloud()
            self.place = Place(zone, given.region or labels.region)
        return self.place

    def close(self) -> None:
        if self._finder is not None:
            self._finder.close()

    def _by_cloud(self) -> str:
        if self._finder is None:
            return ""
        if not self._asks:
            self._asks = True
            self._finder.start()
        return self._finder.zone
