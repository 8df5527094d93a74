"""Who is there: nodes in zones, and 2,000 workloads in 20 namespaces. The same at every call."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache

SEED = 14
NODES = 60
ZONES = (("eu-1a", "eu"), ("eu-1b", "eu"), ("eu-1c", "eu"), ("us-1a", "us"))
AGENT_VERSIONS = ("0.1.0", "0.1.0", "0.1.0", "0.0.9")

SUBJECTS = {
    "shop": "cart checkout catalog orders offers reviews wishlist pricing stock delivery",
    "pay": "cards ledger refunds payouts invoices wallets currency settlement tax disputes",
    "risk": "rules scores devices limits reports signals graphs cases lists models",
    "identity": "tokens users sessions consent keys groups audit invites profiles recovery",
    "search": "query index suggest ranking synonyms crawl facets spelling images trends",
    "media": "upload encode thumbs streams captions albums covers banners avatars archive",
    "ads": "bids budgets campaigns creatives clicks auctions audiences pacing spend partners",
    "data": "events tables exports lineage schemas quality jobs queries backfill feeds",
    "ml": "features training serving labels notebooks registry drift sampling tuning scoring",
    "mail": "outbox inbox templates bounces domains digests lists replies spam threads",
    "push": "devices topics tokens batches rates receipts channels badges silence quotas",
    "chat": "rooms messages presence history bots calls files reactions typing search",
    "maps": "tiles routes places traffic geocode regions stops transit distance borders",
    "fleet": "vans drivers shifts parcels depots scans docks fuel tolls windows",
    "hr": "people leave payroll hiring reviews badges travel expenses benefits training",
    "support": "tickets agents macros surveys articles queues transfers notes ratings exports",
    "platform": "gateway kafka dns vault config flags builds images quotas cron",
    "observability": "metrics logs traces alerts probes dashboards rollups sampling uptime costs",
    "billing": "plans usage credits dunning quotes seats renewals coupons statements taxes",
    "legacy": "report-runner mainframe soap files fax batch print codes terminal bridge",
}
"""Ten subjects a namespace; of each subject there are the ten PARTS."""
PARTS = ("api", "worker", "db", "cache", "queue", "sync", "admin", "cron", "search", "web")
KINDS = {"db": "StatefulSet", "queue": "StatefulSet", "cron": "CronJob"}


@dataclass(frozen=True)
class Node:
    name: str
    zone: str
    region: str
    agent_version: str


@dataclass(frozen=True)
class Workload:
    """`name` is namespace/subject-part. It has one address, on one node, all day."""

    name: str
    namespace: str
    subject: str
    part: str
    kind: str
    node: Node
    ip: str


@cache
def nodes() -> tuple[Node, ...]:
    """Three of four in the region eu."""
    return tuple(Node(f"node-{n + 1:02}", *ZONES[n % 4], AGENT_VERSIONS[n // 4 % 4]) for n in range(NODES))


@cache
def workloads() -> dict[str, Workload]:
    """By name, in the order of the namespaces."""
    chance = random.Random(SEED)  # noqa: S311 a fleet, and no secret
    used = [0] * NODES
    found: dict[str, Workload] = {}
    for namespace, subjects in SUBJECTS.items():
        for subject in subjects.split():
            for part in PARTS:
                place = chance.randrange(NODES)
                used[place] += 1
                name = f"{namespace}/{subject}-{part}"
                ip = f"10.20.{place}.{used[place]}"
                found[name] = Workload(name, namespace, subject, part, KINDS.get(part, "Deployment"), nodes()[place], ip)
    return found
