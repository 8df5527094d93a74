"""What happens in the recorded day, and when: a deploy, a scan, an outage, a node that falls silent.

All times are UTC seconds on whole five minutes, reckoned back from the recording's end.
"""

from __future__ import annotations

from dataclasses import dataclass

GRID_S = 300
HOUR_S = 3_600
LENGTH_S = 26 * HOUR_S
"""Longer than a day, so that the last hours can be compared with yesterday's."""


@dataclass(frozen=True)
class Spell:
    start_s: int
    end_s: int


@dataclass(frozen=True)
class Story:
    """A recording that ends at `end_s`, a multiple of 10 seconds."""

    end_s: int

    @property
    def start_s(self) -> int:
        return self._before(LENGTH_S)

    @property
    def deploy_s(self) -> int:
        """From here on `DEPLOYED` is of another version: it calls `NEW_SERVER`, and `OLD_SERVER` no more."""
        return self._before(6 * HOUR_S)

    @property
    def scan(self) -> Spell:
        """`SCANNER` tries `SCANNED_PORTS` ports on `SCANNED_SERVERS` workloads, one after the other."""
        start_s = self._before(3 * HOUR_S)
        return Spell(start_s, start_s + 600)

    @property
    def outage(self) -> Spell:
        """`BROKEN`, a database, refuses every connection for 20 minutes."""
        start_s = self._before(45 * 60)
        return Spell(start_s, start_s + 1_200)

    @property
    def silence_s(self) -> int:
        """From here on the agent of the node `SILENT` tells nothing."""
        return self._before(35 * 60)

    def _before(self, seconds: int) -> int:
        return (self.end_s - seconds) // GRID_S * GRID_S


DEPLOYED, OLD_VERSION, NEW_VERSION = "shop/checkout-api", "7.3.0", "7.4.0"
NEW_SERVER, NEW_PORT = "ml/scoring-api", 8443
OLD_SERVER, OLD_PORT = "risk/rules-api", 8080
BROKEN, BROKEN_PORT = "pay/ledger-db", 5432
SCANNER = "legacy/report-runner-cron"
SCANNED_SERVERS = 40
SCANNED_PORTS = (21, 22, 23, 80, 443, 445, 1_433, 3_306, 3_389, 5_900, 6_379, 27_017)
SILENT = "node-44"
SLOW, SLOW_SERVER, SLOW_PORT = "shop/orders-api", "billing/quotes-api", 8080
"""A call that takes a third of a second, all day."""
