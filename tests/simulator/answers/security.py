"""A month of 300 workloads as security sees it: deploys, autoscaling, addresses handed on, outages, jobs, pollers, backups; and 40 attacks.

Drawn are the contacts that are the first of their kind, or could be; what runs every day is known and stands as such.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

STEP_S = 300
DAY_S, HOUR_S = 86_400, 3_600
START_S = 1_764_547_200
"""2025-12-01 00:00 UTC. The tables go back five weeks from here."""
DAYS = 30
BEFORE_S = 35 * DAY_S
END_S = START_S + DAYS * DAY_S
WORKLOADS, SPACES = 300, 20
PORTS = (8080, 8080, 8080, 443, 5432, 6379, 9092)
ADMIN = (22, 3389, 5985, 10250)

AttackKind = Literal["scan", "sweep", "beacon", "exfiltration", "lateral", "flood", "listening"]
PLANTED: tuple[tuple[AttackKind, int], ...] = (
    ("scan", 9), ("sweep", 2), ("beacon", 11), ("exfiltration", 5), ("lateral", 7), ("flood", 3), ("listening", 3),
)  # fmt: skip

DEPLOYS_A_DAY = WORKLOADS / 7
SILENT_DEPLOYS = 0.15
"""The share of deploys that no label tells of: only the addresses are new."""
NEW_EDGE, NEW_EDGE_LATE, NEW_DOMAIN, NEW_PORT, NEW_POLLER = 0.1, 0.1, 0.03, 0.01, 0.01
"""How often a deploy brings one; the second: the share of new edges and ports that are used not at once but after six hours in the mean."""
FRESH = 0.02
STALE_A_DAY, STALE_POOLS_A_DAY = 10, 2
"""Contacts with addresses that were handed on; and clients with a whole pool of such addresses."""
FLIPS, STRAY_DOMAINS, STRAY_POLLERS = 2, 1, 1
"""A month: new edges, domains and pollers that nothing announces, and that are no attack. They ring, and count against precision."""


@dataclass(frozen=True)
class Row:
    """Traffic of a client with an end within one window. `client` or `server` -1: outside. `since_s`, `served_s`: since when the address of
    the client, and that of the server, is its own.
    """

    at_s: int
    client: int
    server: int
    domain: str
    address: str
    port: int
    opened: int
    failed: int
    since_s: int
    served_s: int
    label: str = ""
    sent: int = 2_000
    received: int = 8_000


@dataclass(frozen=True)
class Attack:
    kind: AttackKind
    subject: int
    start_s: int
    end_s: int
    jitter: float = 0.0


@dataclass(frozen=True)
class Series:
    """Calls of one client of one external end, as window starts in order."""

    client: int
    domain: str
    address: str
    at_s: np.ndarray
    sizes: np.ndarray


@dataclass
class Month:
    """`changed_s`: by workload, the deploys that labels tell of; `deployed_s`: all. `edges`, `domains`: known of every day.

    `sent`, `received`: bytes by external pair and hour, from BEFORE_S before the start on.
    """

    names: list[str]
    ports: np.ndarray
    born_s: np.ndarray
    changed_s: list[list[int]]
    deployed_s: list[list[int]]
    edges: set[tuple[int, int, int]] = field(default_factory=set)
    domains: dict[str, set[int]] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    series: list[Series] = field(default_factory=list)
    pairs: list[tuple[int, str]] = field(default_factory=list)
    sent: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    received: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    loads: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    sources: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    attacks: list[Attack] = field(default_factory=list)

    def space(self, workload: int) -> int:
        return workload % SPACES

    @property
    def scraper(self) -> int:
        return 0


FRONTENDS = tuple(range(1, 11))
"""Workloads that the internet calls."""
BACKUPS = tuple(range(11, 16))
RANDOM_PORTS = (16, 17)


def draw(seed: int) -> Month:
    month = Drawing(np.random.default_rng(seed)).draw()
    month.rows.sort(key=lambda row: row.at_s)
    return month


class Drawing:
    """One drawing, in the order in which things depend on one another."""

    def __init__(self, chance: np.random.Generator) -> None:
        self._chance = chance
        names = [f"team{number % SPACES}/app{number}" for number in range(WORKLOADS)]
        born = np.full(WORKLOADS, START_S - BEFORE_S)
        self.month = Month(names, chance.choice(PORTS, WORKLOADS), born, [[] for _ in names], [[] for _ in names])
        self._held_s = np.full(WORKLOADS, START_S - 3 * DAY_S)
        self._deploys: list[tuple[int, int, bool]] = []
        self._fresh = 0
        self._victims: set[int] = set()

    def draw(self) -> Month:
        self._steady()
        self._born()
        self._deploy()
        self._stale()
        self._outages()
        self._jobs()
        self._strays()
        self._loads()
        self._bytes()
        self._attack()
        return self.month

    # what is there all the time

    def _steady(self) -> None:
        month, chance = self.month, self._chance
        for client in range(WORKLOADS):
            near = [other for other in range(client % SPACES, WORKLOADS, SPACES) if other != client]
            for server in (*chance.choice(near, 2, replace=False), *chance.integers(0, WORKLOADS, 3)):
                if server != client:
                    month.edges.add((client, int(server), int(month.ports[server])))
        month.edges |= {(month.scraper, server, 9100) for server in range(1, WORKLOADS)}
        month.edges |= {(16, 17, 32_768), (17, 16, 32_768)}
        for client in chance.choice(WORKLOADS, 90, replace=False):
            for number in chance.integers(0, 60, chance.integers(1, 5)):
                month.domains.setdefault(f"d{number}.example", set()).add(int(client))
        for client in chance.choice(WORKLOADS, 20, replace=False):
            self._poll(int(client), f"poll{client}.example", START_S - 2 * DAY_S, END_S)
        for client in chance.choice(WORKLOADS, 40, replace=False):
            gap_s = 10 ** chance.uniform(1.8, 3.5)
            count = int((END_S - START_S + 2 * DAY_S) / gap_s)
            times = START_S - 2 * DAY_S + np.cumsum(chance.exponential(gap_s, count))
            domain = f"d{chance.integers(0, 60)}.example" if chance.random() < 0.7 else ""
            self._call(int(client), domain, times, chance.lognormal(7, 0.8, count))

    def _poll(self, client: int, domain: str, start_s: float, end_s: float) -> None:
        """Regular, and no attack."""
        period_s = float(self._chance.choice((60, 120, 300, 900, 3_600)))
        times = np.arange(start_s, end_s, period_s) + self._chance.normal(0, 2, len(np.arange(start_s, end_s, period_s)))
        self._call(client, domain, times, self._chance.normal(1_500, 20, len(times)))

    def _call(self, client: int, domain: str, times: np.ndarray, sizes: np.ndarray) -> None:
        windows, index = np.unique(times.astype(np.int64) // 10 * 10, return_index=True)
        if windows[0] < START_S and domain:
            self.month.domains.setdefault(domain, set()).add(client)
        self.month.series.append(Series(client, domain, self._outside(), windows, sizes[index].astype(np.int64)))

    def _outside(self) -> str:
        self._fresh += 1
        return f"198.{18 + self._fresh // 65_000}.{self._fresh // 250 % 250}.{self._fresh % 250 + 1}"

    def _inside(self) -> str:
        self._fresh += 1
        return f"10.{self._fresh // 62_500}.{self._fresh // 250 % 250}.{self._fresh % 250 + 1}"

    # what changes

    def _born(self) -> None:
        """Workloads that begin within the month: what they call is not up yet."""
        for workload in self._chance.choice(np.arange(100, WORKLOADS), 10, replace=False):
            at_s = self._moment()
            self.month.born_s[workload] = at_s
            self.month.changed_s[workload].append(at_s)
            self._held_s[workload] = at_s
            for edge in [edge for edge in self.month.edges if int(workload) in edge[:2]]:
                self.month.edges.discard(edge)
                begun = at_s + int(self._chance.uniform(30, 900))
                for wait_s in range(0, 240, 30):
                    self._row(begun + wait_s - 240, edge[0], edge[1], edge[2], 0, 2, since_s=at_s)
                self._row(begun, edge[0], edge[1], edge[2], 3, 0, since_s=at_s if edge[0] == workload else START_S - DAY_S)
                self._row(begun + DAY_S, edge[0], edge[1], edge[2], 3, 0)

    def _deploy(self) -> None:
        for _ in range(self._chance.poisson(DEPLOYS_A_DAY * DAYS)):
            at_s, workload = self._moment(), int(self._chance.integers(18, WORKLOADS))
            if at_s < self.month.born_s[workload]:
                continue
            self._deploys.append((at_s, workload, bool(self._chance.random() >= SILENT_DEPLOYS)))
        for at_s, workload, told in self._deploys:
            self.month.deployed_s[workload].append(at_s)
            if told:
                self.month.changed_s[workload].append(at_s)
            self._bring(at_s, workload)

    def _bring(self, at_s: int, workload: int) -> None:
        chance = self._chance
        if chance.random() < NEW_EDGE:
            late = chance.random() < NEW_EDGE_LATE
            delay_s = chance.exponential(6 * HOUR_S) if late else chance.uniform(30, 1_800)
            near = list(range(workload % SPACES, WORKLOADS, SPACES))
            server = int(chance.choice(near)) if chance.random() < 0.6 else int(chance.integers(0, WORKLOADS))
            self._row(int(at_s + delay_s), workload, server, int(self.month.ports[server]), 4, 0, since_s=at_s, label="deploy")
        if chance.random() < NEW_DOMAIN:
            domain = f"d{chance.integers(0, 60)}.example" if chance.random() < 0.5 else f"new{at_s}.example"
            self._row(int(at_s + chance.uniform(30, 1_800)), workload, -1, 443, 4, 0, domain=domain, since_s=at_s, label="deploy")
        if chance.random() < NEW_PORT:
            delay_s = chance.exponential(6 * HOUR_S) if chance.random() < NEW_EDGE_LATE else chance.uniform(30, 900)
            self._row(int(at_s + delay_s), self.month.scraper, workload, 9_400, 4, 0, served_s=at_s, label="deploy")
        if chance.random() < NEW_POLLER:
            begun = at_s + chance.uniform(30, 900)
            self._row(int(begun), workload, -1, 443, 1, 0, domain=f"poll{at_s}.example", since_s=at_s, label="deploy")
            self._poll(workload, f"poll{at_s}.example", begun, END_S)

    def _stale(self) -> None:
        """A client goes on calling an address after it was handed on: it meets the new holder, who may well answer."""
        for number in range((STALE_A_DAY + STALE_POOLS_A_DAY) * DAYS):
            many = 8 if number < STALE_POOLS_A_DAY * DAYS else 1
            at_s, client = self._moment(), int(self._chance.integers(0, WORKLOADS))
            mine = [edge for edge in self.month.edges if edge[0] == client]
            if not mine or client == self.month.scraper:
                continue
            _, old, port = mine[int(self._chance.integers(0, len(mine)))]
            for holder in self._chance.integers(0, WORKLOADS, many):
                address = self._inside()
                answers = many == 1 and self.month.ports[holder] == port
                self._row(at_s - int(self._chance.uniform(600, 20 * HOUR_S)), client, old, port, 5, 0, address=address)
                self._row(at_s + int(self._chance.uniform(0, 200)), client, int(holder), port, 3 * answers, 2 * (not answers),
                          address=address, label="reuse")  # fmt: skip

    def _outages(self) -> None:
        for _ in range(DAYS):
            at_s, server = self._moment(), int(self._chance.integers(0, WORKLOADS))
            for client, _, port in [edge for edge in self.month.edges if edge[1] == server]:
                for replica in range(6):
                    self._row(at_s + 60 * replica, client, server, port, 0, 20)

    def _jobs(self) -> None:
        """Monthly and weekly ones, which have run before, at the same time of their month or week, more or less."""
        for every_s, count in ((7 * DAY_S, 40), (30.5 * DAY_S, 15)):
            for _ in range(count):
                client, server = (int(one) for one in self._chance.integers(18, WORKLOADS, 2))
                if (client, server, 8_443) in self.month.edges or START_S - BEFORE_S < max(self.month.born_s[[client, server]]):
                    continue
                at_s = START_S - HOUR_S - self._chance.uniform(0, every_s)
                while at_s < END_S:
                    self._row(int(at_s + self._chance.uniform(0, HOUR_S)), client, server, 8_443, 10, 0, label="job")
                    at_s += every_s
        for workload in RANDOM_PORTS:
            for day in range(DAYS):
                port = int(self._chance.integers(33_000, 60_000))
                self._row(START_S + day * DAY_S + 50, 33 - workload, workload, port, 5, 0, label="random port")

    def _strays(self) -> None:
        for _ in range(FLIPS):
            client, server = (int(one) for one in self._chance.integers(18, WORKLOADS, 2))
            self._row(self._moment(), client, server, int(self.month.ports[server]), 4, 0, label="stray")
        for number in range(STRAY_DOMAINS):
            self._row(
                self._moment(), int(self._chance.integers(18, WORKLOADS)), -1, 443, 4, 0, domain=f"stray{number}.example", label="stray"
            )
        for number in range(STRAY_POLLERS):
            at_s, client = self._moment(), int(self._chance.integers(18, WORKLOADS))
            self._row(at_s, client, -1, 443, 1, 0, domain=f"straypoll{number}.example", label="stray")
            self._poll(client, f"straypoll{number}.example", at_s, END_S)

    def _loads(self) -> None:
        """Connections and sources of each frontend in each step, from BEFORE_S before the start on: by the hour of the day, with surges."""
        chance, steps = self._chance, (BEFORE_S + DAYS * DAY_S) // STEP_S
        day = 1 + 0.7 * np.sin(np.arange(steps) * STEP_S / DAY_S * 2 * np.pi)
        rates = 10 ** chance.uniform(1.5, 3.8, len(FRONTENDS))
        surges = np.ones(steps)
        for _ in range(12):
            at = int(chance.integers(0, steps - 24))
            surges[at : at + 24] = chance.uniform(2, 5)
        self.month.loads = chance.poisson(rates[:, None] * (day * surges)[None, :] * chance.lognormal(0, 0.2, (len(FRONTENDS), steps)))
        self.month.sources = np.minimum(self.month.loads, 4_000) * 0.6

    def _bytes(self) -> None:
        chance, hours = self._chance, (BEFORE_S + DAYS * DAY_S) // HOUR_S
        month = self.month
        month.pairs = sorted((client, domain) for domain, clients in month.domains.items() for client in clients)
        mean = 10 ** chance.uniform(4, 7.5, len(month.pairs))
        month.received = mean[:, None] * chance.lognormal(0, 0.5, (len(month.pairs), hours))
        month.sent = month.received * chance.uniform(0.02, 0.6, (len(month.pairs), 1))
        for client in BACKUPS:
            night = np.zeros(hours)
            night[2::24] = 10 ** chance.uniform(9, 10.3) * chance.lognormal(0, 0.4, len(night[2::24]))
            self._pair(client, "backup.example", night, night / 50)

    def _pair(self, client: int, domain: str, sent: np.ndarray, received: np.ndarray) -> None:
        self.month.pairs.append((client, domain))
        self.month.sent = np.vstack([self.month.sent, sent])
        self.month.received = np.vstack([self.month.received, received])

    # the attacks

    def _attack(self) -> None:
        for kind, count in PLANTED:
            for number in range(count):
                self.month.attacks.append(getattr(self, f"_plant_{kind}")(number))

    def _victim(self, at_s: int) -> int:
        """Any workload that is a week old, each once: what an attack leaves behind makes the next one known."""
        while True:
            workload = int(self._chance.integers(18, WORKLOADS))
            if workload not in self._victims and at_s - self.month.born_s[workload] >= 7 * DAY_S:
                self._victims.add(workload)
                return workload

    def _plant_scan(self, number: int) -> Attack:
        chance, at_s = self._chance, self._moment()
        client = self._victim(at_s)
        hosts = int(round(10 ** chance.uniform(np.log10(5), np.log10(500)))) if number else 5
        ports = [int(port) for port in chance.choice((22, 80, 443, 445, 3306, 3389, 6379, 27017), chance.integers(1, 4), replace=False)]
        servers = [int(server) for server in chance.integers(0, WORKLOADS, hosts)] if hosts > 250 else self._others(client, hosts, at_s)
        gap_s, time_s = chance.uniform(0.05, 20), float(at_s)
        for server in servers:
            for port in ports:
                succeeds = chance.random() < 0.05
                self._row(
                    int(time_s), client, server, port, int(succeeds), int(not succeeds), since_s=self._since(client, at_s), label="scan"
                )
                time_s += gap_s
        return Attack("scan", client, at_s, int(time_s))

    def _plant_sweep(self, number: int) -> Attack:
        """It knows who listens where."""
        at_s = self._moment()
        client = self._victim(at_s)
        for server in self._others(client, int(self._chance.integers(60, 200)), at_s):
            self._row(at_s + int(self._chance.uniform(0, 250)), client, server, int(self.month.ports[server]), 1, 0,
                      since_s=self._since(client, at_s), label="sweep")  # fmt: skip
        return Attack("sweep", client, at_s, at_s + 300)

    def _plant_beacon(self, number: int) -> Attack:
        chance = self._chance
        at_s = int(chance.uniform(START_S + DAY_S, END_S - 2 * DAY_S))
        client, jitter = self._victim(at_s), float(chance.uniform(0, 0.3))
        period_s = 10 ** chance.uniform(np.log10(60), np.log10(3_600))
        count = int(chance.uniform(30, 60) * HOUR_S / period_s)
        times = at_s + np.cumsum(period_s * (1 + chance.uniform(-jitter, jitter, count)))
        times = times[chance.random(len(times)) > 0.02]
        domain = f"evil{at_s}.example" if chance.random() < 0.6 else ""
        self._row(int(times[0]), client, -1, 443, 1, 0, domain=domain, since_s=self._since(client, at_s), label="beacon")
        self._call(client, domain, times, chance.normal(900, 60, len(times)))
        return Attack("beacon", client, at_s, int(times[-1]), jitter)

    def _plant_exfiltration(self, number: int) -> Attack:
        chance = self._chance
        at_s = int(chance.uniform(START_S + DAY_S, END_S - 2 * DAY_S))
        client = self._victim(at_s)
        usual = sum(self.month.sent[at].max() * 24 for at, pair in enumerate(self.month.pairs) if pair[0] == client)
        amount = max(3e8, 14 * usual) * 10 ** chance.uniform(0, 1)
        hours = int(chance.integers(1, 8))
        sent = np.zeros(self.month.sent.shape[1])
        first = (at_s - START_S + BEFORE_S) // HOUR_S
        sent[first : first + hours] = amount / hours
        domain = f"drop{at_s}.example"
        self._row(at_s, client, -1, 443, 5, 0, domain=domain, since_s=self._since(client, at_s), label="exfiltration")
        self._pair(client, domain, sent, sent / 40)
        return Attack("exfiltration", client, at_s, at_s + hours * HOUR_S)

    def _plant_lateral(self, number: int) -> Attack:
        """To one to three servers that the client does not know, on their own ports or on those of administrators."""
        chance, at_s = self._chance, self._moment()
        client = self._victim(at_s)
        for server in self._others(client, int(chance.integers(1, 4)), at_s):
            port = int(chance.choice(ADMIN)) if chance.random() < 0.4 else int(self.month.ports[server])
            self._row(at_s + int(chance.uniform(0, 1_500)), client, server, port, 3, 0, since_s=self._since(client, at_s), label="lateral")
        return Attack("lateral", client, at_s, at_s + 1_800)

    def _plant_flood(self, number: int) -> Attack:
        chance, at_s = self._chance, self._moment()
        at, first = int(chance.integers(0, len(FRONTENDS))), (at_s - START_S + BEFORE_S) // STEP_S
        steps = int(chance.integers(2, 12))
        peak = np.quantile(self.month.loads[at], 0.99)
        self.month.loads[at, first : first + steps] += int(max(4_000, chance.uniform(15, 60) * peak))
        self.month.sources[at, first : first + steps] += chance.uniform(200, 20_000)
        return Attack("flood", FRONTENDS[at], at_s, at_s + steps * STEP_S)

    def _plant_listening(self, number: int) -> Attack:
        chance, at_s = self._chance, self._moment()
        server = self._victim(at_s)
        client = self._others(server, 1, at_s)[0] if chance.random() < 0.5 else -1
        port = int(chance.choice((4_444, 1_337, 8_888, 31_337)))
        self._row(at_s, client, server, port, 2, 0, label="listening")
        return Attack("listening", server, at_s, at_s + 300)

    def _others(self, client: int, count: int, at_s: int) -> list[int]:
        """Servers that are there, and that the client does not call."""
        known = {server for one, server, _ in self.month.edges if one == client} | {client}
        there = [each for each in range(WORKLOADS) if each not in known and self.month.born_s[each] <= at_s]
        return [int(one) for one in self._chance.choice(there, count, replace=False)]

    def _since(self, client: int, at_s: int) -> int:
        """Since when the client's replica has its address: FRESH of them are an hour old or less, by autoscaling."""
        last = max((deployed for deployed, one, _ in self._deploys if one == client and deployed <= at_s), default=START_S - 3 * DAY_S)
        return at_s - int(self._chance.uniform(60, 3_600)) if self._chance.random() < FRESH else last

    def _moment(self) -> int:
        return int(self._chance.uniform(START_S + DAY_S, END_S - DAY_S))

    def _row(self, at_s: int, client: int, server: int, port: int, opened: int, failed: int, domain: str = "", address: str = "",
             since_s: int | None = None, served_s: int = START_S - DAY_S, label: str = "") -> None:  # fmt: skip
        if any(end >= 0 and at_s < self.month.born_s[end] for end in (client, server)):
            return
        where = address or (self._inside() if server >= 0 else self._outside())
        since = int(self._held_s[client]) if since_s is None else since_s
        self.month.rows.append(Row(at_s // 10 * 10, client, server, domain, where, port, int(opened), int(failed), since, served_s, label))


def steps() -> Iterator[tuple[int, int]]:
    for start_s in range(START_S, END_S, STEP_S):
        yield start_s, start_s + STEP_S
