"""Who calls whom, how often and how it goes: 5,000 edges, and those that the day's events add. The same at every call for one story."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from weir.demo.scale import story as told
from weir.demo.scale.fleet import SEED, SUBJECTS, Workload, workloads
from weir.demo.scale.story import Story

EDGES = 5_000
BUSY_SHARE = 0.07
"""The share of edges with calls in every window; the others have some calls an hour."""
FOREVER_S = 2**32 - 1
PORTS = {"db": 5432, "cache": 6379, "queue": 5672, "search": 9200, "web": 443}
NAMESPACES = tuple(SUBJECTS)
WITHIN = (
    ("web", "api"), ("api", "db"), ("api", "cache"), ("api", "queue"), ("worker", "queue"), ("worker", "db"),
    ("sync", "api"), ("admin", "api"), ("cron", "db"), ("api", "search"), ("sync", "search"), ("worker", "cache"),
)  # fmt: skip
DOMAINS = (
    "api.cards.example", "hooks.cards.example", "rates.fx.example", "smtp.post.example", "eu.objects.cloud.example",
    "us.objects.cloud.example", "maps.tiles.example", "push.phones.example", "id.login.example", "cdn.media.example",
)  # fmt: skip
PARTNERS = {name: {*NAMESPACES[at : at + 3], *NAMESPACES[at + 4 : at + 5]} for at, name in enumerate(NAMESPACES)}
"""Which namespaces one calls beside those that everybody calls: itself and some after it."""
REASONS = ("external", "unknown", "gap", "ambiguous", "shared")


@dataclass(frozen=True)
class Call:
    """Calls from one workload to a port of another, or of an end without a name: then `reason` says why, and `far` is its address.

    `rate`: calls a second at a middling hour; sizes in bytes a call; `reuse`: calls a connection. `refused`, `timed_out`, `resent`: shares.
    It goes on from `since_s` until `until_s`. An empty client is somewhere on the internet.
    """

    client: str
    server: str
    port: int
    rate: float
    request_bytes: int
    answer_bytes: int
    rtt_us: int
    protocol: str = "tcp"
    reuse: int = 1
    reason: str = ""
    far: str = ""
    domain: str = ""
    service: str = ""
    refused: float = 0.0
    timed_out: float = 0.0
    resent: float = 0.0005
    since_s: int = 0
    until_s: int = FOREVER_S


def all_calls(story: Story) -> tuple[Call, ...]:
    """The steady ones as the events let them be, then those of the events."""
    steady = [after for call in steady_calls() for after in _told(call, story)]
    return (*steady, *_deployed(story), *_scan(story))


def steady_calls() -> tuple[Call, ...]:
    """EDGES calls, each pair of ends and port once."""
    chance = random.Random(SEED)  # noqa: S311 traffic, and no secret
    found: dict[tuple[str, ...], Call] = {}
    for call in _candidates(chance):
        if len(found) == EDGES:
            break
        found.setdefault((call.client, call.server, str(call.port), call.far), call)
    return tuple(found.values())


def _candidates(chance: random.Random) -> Iterator[Call]:
    """More than are wanted: what makes the picture first, random calls between APIs last."""
    known = workloads()
    apis = [each for each in known.values() if each.part == "api"]
    yield replace(_between(chance, known[told.DEPLOYED], known[told.OLD_SERVER]), rate=2.0)
    yield replace(_between(chance, known[told.SLOW], known[told.SLOW_SERVER]), rate=1.5, rtt_us=330_000)
    for client in ("api", "worker", "admin"):
        yield replace(_between(chance, known[f"pay/ledger-{client}"], known[told.BROKEN]), rate=3.0)
    yield from _outside(chance, apis)
    for one in apis:
        for client, server in WITHIN:
            yield _between(chance, known[f"{one.namespace}/{one.subject}-{client}"], known[f"{one.namespace}/{one.subject}-{server}"])
        yield _between(chance, one, known["identity/tokens-api"])
        yield _between(chance, known[f"{one.namespace}/{one.subject}-worker"], known["platform/kafka-queue"])
        yield replace(_between(chance, known["observability/metrics-worker"], one), port=9102)
        yield replace(
            _between(chance, one, known["platform/dns-api"]), port=53, protocol="udp", request_bytes=40, answer_bytes=96, rtt_us=0
        )
    while True:
        one = chance.choice(apis)
        other = chance.choice([each for each in apis if each.namespace in PARTNERS[one.namespace]])
        if one is not other and other.name not in (told.NEW_SERVER, told.OLD_SERVER):
            yield _between(chance, one, other)


def _between(chance: random.Random, client: Workload, server: Workload) -> Call:
    busy = chance.random() < BUSY_SHARE
    rate = 10 ** chance.uniform(-1.2, 1.4) if busy else 10 ** chance.uniform(-4.1, -3.3)
    near = 250 if client.node.zone == server.node.zone else 900 if client.node.region == server.node.region else 82_000
    return Call(
        client.name,
        server.name,
        PORTS.get(server.part, 8080),
        rate,
        int(10 ** chance.uniform(2, 3.5)),
        int(10 ** chance.uniform(2.3, 4.7)),
        int(near * chance.uniform(0.8, 1.6)),
        reuse=20 if server.part in ("db", "cache", "queue") else 1,
        service=server.name if server.part in ("api", "db") and chance.random() < 0.5 else "",
        refused=0.002 if chance.random() < 0.002 else 0.0,
        resent=0.03 if chance.random() < 0.01 else 0.0005,
    )


def _outside(chance: random.Random, apis: list[Workload]) -> Iterator[Call]:
    """To domains, from the internet, and to ends that have no name, each with its reason."""
    for number in range(300):
        client = chance.choice(apis)
        domain = chance.choice(DOMAINS)
        far = f"198.51.100.{DOMAINS.index(domain) + 1}"
        made = replace(_between(chance, client, client), server="", port=443, service="", rtt_us=int(chance.uniform(9_000, 40_000)))
        yield replace(made, reason="external", domain=domain, far=far, rate=10 ** chance.uniform(-3.5, -0.5))
        if number < 60:
            reason = REASONS[1 + number % 4]
            yield replace(made, reason=reason, far=f"10.9.0.{number + 1}", service="platform/shared" if reason == "shared" else "")
        if number < 40:
            server = workloads()[f"{client.namespace}/{client.subject}-web"]
            yield replace(made, client="", server=server.name, reason="external", far=f"203.0.113.{number + 1}", rate=0.5)


def _told(call: Call, story: Story) -> Iterator[Call]:
    """A steady call as the day's events change it."""
    if (call.client, call.server, call.port) == (told.DEPLOYED, told.OLD_SERVER, told.OLD_PORT):
        yield replace(call, until_s=story.deploy_s)
    elif (call.server, call.port) == (told.BROKEN, told.BROKEN_PORT):
        yield replace(call, until_s=story.outage.start_s)
        yield replace(call, since_s=story.outage.start_s, until_s=story.outage.end_s, refused=1.0, reuse=1, service="")
        yield replace(call, since_s=story.outage.end_s)
    else:
        yield call


def _deployed(story: Story) -> Iterator[Call]:
    known = workloads()
    made = _between(random.Random(SEED), known[told.DEPLOYED], known[told.NEW_SERVER])  # noqa: S311 traffic, and no secret
    yield replace(made, port=told.NEW_PORT, rate=2.5, since_s=story.deploy_s, refused=0.0)


def _scan(story: Story) -> Iterator[Call]:
    """Most ports answer with a RST; where a firewall stands, nothing answers."""
    chance = random.Random(SEED)  # noqa: S311 a scan that is drawn, not made
    seen = [each for each in workloads().values() if each.namespace in ("pay", "identity", "platform") and each.part != "cron"]
    for server in chance.sample(seen, told.SCANNED_SERVERS):
        walled = chance.random() < 0.25
        for port in told.SCANNED_PORTS:
            yield Call(
                told.SCANNER,
                server.name,
                port,
                1 / 150,
                0,
                0,
                900,
                refused=0.0 if walled else 1.0,
                timed_out=1.0 if walled else 0.0,
                resent=0.0,
                since_s=story.scan.start_s,
                until_s=story.scan.end_s,
            )
