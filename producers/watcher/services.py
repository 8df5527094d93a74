"""Which workloads a connection to a service address may have reached, and since when: from services, endpoint slices and pods.

1. Events come in any order among the kinds. Each changes, address by address, which backends are behind it now and which were.
2. `settle` looks at the addresses concerned: the workloads of their backends, former ones included while a connection to them may live.
3. Where the workloads behind an address are others than before, that is a new state, in effect from `stamp_us` on.

What is told is never less than the truth: the workloads of a state contain that of every pod that a connection within its time may be
with. A backend remains a former one while its pod exists, and LINGER_US longer; a backend that is no pod, UNKNOWN_LINGER_US.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from producers.watcher.endpoints import Endpoints, Key
from producers.watcher.objects import NO_POD, Node, Service, Slice
from producers.watcher.pods import Pods

LINGER_US = 30_000_000
UNKNOWN_LINGER_US = 24 * 3_600_000_000
"""Nobody says when the connections to an address outside the cluster are over."""
RESOLVE_US = 3_000_000
"""How long the word on a new backend waits for its pod, or its pod's owner: they come by other watches."""
SETTLE_US = 10_000_000
"""An address that was another's, or nobody's, is not told to be a service's before each node's proxy knows."""
HISTORY_US = 600_000_000
"""States that ended are kept so long: a new leader tells them, too."""
AGE_US = 1_000_000
"""How often it is looked what time alone changes."""
ADDRESSES = 100_000


class State(NamedTuple):
    """As a ServiceAddress: `service` empty: none."""

    since_us: int
    service: str
    workloads: tuple[str, ...]


class Change(NamedTuple):
    key: Key
    state: State


class Settled(NamedTuple):
    """`complete`: nothing is left open that must be known before a watermark may pass."""

    changes: tuple[Change, ...]
    complete: bool


@dataclass(slots=True)
class _Address:
    """One service address. `claims`: by service, its backends now. `former`: by backend, when it ceased to be one.

    `service`: the only one that claims it; empty: none does, or several do, of which no one knows whose it is. `used`: it had one.
    """

    claims: dict[str, frozenset[str]] = field(default_factory=dict)
    former: dict[str, int] = field(default_factory=dict)
    states: list[State] = field(default_factory=list)
    service: str = ""
    used: bool = False
    silent_until_us: int = 0


@dataclass(slots=True)
class _Backend:
    """`name` empty: not known."""

    name: str
    exists: bool
    seen_us: int
    addresses: set[Key] = field(default_factory=set)


class Services:
    """One caller at a time. Times are the watcher's own clock's."""

    def __init__(self, pods: Pods, limit: int = ADDRESSES) -> None:
        self._pods = pods
        self._limit = limit
        self._endpoints = Endpoints()
        self._claimed: dict[str, frozenset[Key]] = {}
        self._addresses: dict[Key, _Address] = {}
        self._backends: dict[str, _Backend] = {}
        self._moved: set[Key] = set()
        self._ageing: set[Key] = set()
        self._aged_us = 0
        self._first = True
        self.refused = 0
        """Times that an address was left out because there were too many. It has no state: its flows have no name."""

    def __len__(self) -> int:
        return len(self._addresses)

    def service_changed(self, service: Service, now_us: int) -> None:
        self._claim(self._endpoints.put_service(service), now_us)

    def service_deleted(self, name: str, now_us: int) -> None:
        """`name`: also that of a node."""
        self._claim(self._endpoints.drop_service(name), now_us)

    def node_changed(self, node: Node, now_us: int) -> None:
        """A node's addresses are told as those of a service would be that has no backends, under the node's name."""
        self._claim(self._endpoints.put_node(node), now_us)

    def services_replaced(self, services: Iterable[Service], now_us: int) -> bool:
        """Whether any has changed since it was last told."""
        names, differ = self._endpoints.replace_services(services)
        self._claim(names, now_us)
        return differ

    def nodes_replaced(self, nodes: Iterable[Node], now_us: int) -> None:
        self._claim(self._endpoints.replace_nodes(nodes), now_us)

    def slice_changed(self, piece: Slice, now_us: int) -> None:
        self._claim(self._endpoints.put_slice(piece, now_us), now_us)

    def slice_deleted(self, name: str, now_us: int) -> None:
        self._claim(self._endpoints.drop_slice(name, now_us), now_us)

    def slices_replaced(self, pieces: Iterable[Slice], now_us: int) -> bool:
        """Whether any has changed since it was last told."""
        found = {piece.name: piece for piece in pieces}
        differ = self._endpoints.differ(found)
        for name in sorted(self._endpoints.slices() - found.keys()):
            self.slice_deleted(name, now_us)
        for piece in found.values():
            self.slice_changed(piece, now_us)
        return differ

    def settle(self, now_us: int, stamp_us: int) -> Settled:
        """What has changed. `stamp_us`: from when on it may have been so, the present at the latest; it falls only before `begin_anew`."""
        self._follow_pods(now_us)
        self._first = False
        due, self._moved = self._moved, set()
        if abs(now_us - self._aged_us) >= AGE_US:  # Clocks are set back, too.
            self._aged_us = now_us
            due |= self._ageing
        changes: list[Change] = []
        complete = True
        for key in due:
            address = self._addresses[key]
            self._forget_former(key, address, stamp_us)
            if self._awaits(address, now_us):
                complete = False
                self._moved.add(key)
                continue
            state = self._state(address, stamp_us)
            if not address.states or address.states[-1][1:] != state[1:]:
                address.states.append(state)
                changes.append(Change(key, state))
            self._age(key, address, now_us)
        return Settled(tuple(sorted(changes)), complete)

    def standing(self) -> Iterator[Change]:
        """The state of each address now, those that are no longer a service's left out."""
        for key, address in self._addresses.items():
            if address.states and address.states[-1].service:
                yield Change(key, address.states[-1])

    def history(self, since_us: int) -> list[Change]:
        """All states in effect at or after that instant, the oldest first. HISTORY_US back from the last `settle`, none is missing."""
        found = [
            Change(key, state)
            for key, address in self._addresses.items()
            for state, after in zip(address.states, [*address.states[1:], None], strict=True)
            if after is None or after.since_us > since_us
        ]
        return sorted(found, key=lambda change: change.state.since_us)

    def begin_anew(self, now_us: int) -> None:
        """What was before that instant is not known: no state reaches back beyond it."""
        for key, address in self._addresses.items():
            if address.states:
                address.states = [address.states[-1]._replace(since_us=now_us)]
                self._ageing.add(key)

    def inherit(self, told: Mapping[Key, tuple[str, ...]], now_us: int) -> None:
        """What an earlier watcher has told, by address: pods of these workloads may be former backends, and an unknown one, too.

        What was settled before does not know of it: `settle` and `begin_anew` follow.
        """
        known = {key: names for key, names in told.items() if key in self._addresses}
        pods = self._pods.of_names(frozenset(name for names in known.values() for name in names if name))
        for key, names in known.items():
            current = self._current(self._addresses[key])
            for name in names:
                for backend in pods.get(name, set()) if name else {NO_POD}:
                    if backend not in current:
                        self._part(key, backend, now_us)
                        self._moved.add(key)

    def _follow_pods(self, now_us: int) -> None:
        for uid in self._pods.take_touched(now_us):
            backend = self._backends.get(uid)
            if backend is not None:
                backend.name = self._pods.name_of(uid) or backend.name
                if backend.exists and not self._pods.exists(uid):
                    backend.seen_us = now_us
                backend.exists = self._pods.exists(uid)
                self._moved |= backend.addresses

    def _claim(self, names: Iterable[str], now_us: int) -> None:
        """Compares what the services have behind their addresses with what they had."""
        for name in names:
            claims = self._endpoints.behind(name)
            for key in sorted(claims.keys() | self._claimed.pop(name, frozenset())):
                address = self._addresses.get(key) or self._admit(key, name, now_us)
                if address is not None:
                    self._change(key, address, name, claims.get(key), now_us)
            if claims:
                self._claimed[name] = frozenset(claims)

    def _change(self, key: Key, address: _Address, name: str, backends: frozenset[str] | None, now_us: int) -> None:
        """`backends`: of the service at this address; None: it is not the service's."""
        before = self._current(address)
        if backends is None:
            address.claims.pop(name, None)
        else:
            address.claims[name] = backends
        after = self._current(address)
        for uid in after - before:
            self._join(key, address, uid, now_us)
        for uid in before - after:
            self._part(key, uid, now_us)
        self._note_service(address, now_us)
        self._moved.add(key)

    def _admit(self, key: Key, name: str, now_us: int) -> _Address | None:
        if len(self._addresses) >= self._limit:
            self.refused += 1
            return None
        address = self._addresses[key] = _Address()
        if not self._first and not self._endpoints.is_own(name, key.ip):
            address.silent_until_us = now_us + SETTLE_US
        for uid in self._endpoints.left_lately(name, now_us):
            self._part(key, uid, now_us)
        if self.refused:
            self._part(key, NO_POD, now_us)  # What it had while it was left out is not known.
        return address

    def _join(self, key: Key, address: _Address, uid: str, now_us: int) -> None:
        address.former.pop(uid, None)
        self._backend(uid, now_us).addresses.add(key)

    def _part(self, key: Key, uid: str, now_us: int) -> None:
        self._addresses[key].former[uid] = now_us
        self._backend(uid, now_us).addresses.add(key)
        self._ageing.add(key)

    def _backend(self, uid: str, now_us: int) -> _Backend:
        found = self._backends.get(uid)
        if found is None:
            found = self._backends[uid] = _Backend(self._pods.name_of(uid), self._pods.exists(uid), now_us)
        return found

    def _forget_former(self, key: Key, address: _Address, stamp_us: int) -> None:
        """Of those whose time was over at `stamp_us`: a state that lacks them must not reach back beyond that."""
        for uid, left_us in tuple(address.former.items()):
            backend = self._backends[uid]
            last_us = max(left_us, backend.seen_us)
            over = last_us + (UNKNOWN_LINGER_US if uid.startswith(NO_POD) else LINGER_US) <= stamp_us
            if over and not backend.exists:
                del address.former[uid]
                backend.addresses.discard(key)
                if not backend.addresses:
                    del self._backends[uid]

    def _awaits(self, address: _Address, now_us: int) -> bool:
        """Whether the workload of a backend is not known yet, and may soon be."""
        backends = (self._backends[uid] for uid in self._all(address) if not uid.startswith(NO_POD))
        return any(not backend.name and backend.seen_us + RESOLVE_US > now_us for backend in backends)

    def _note_service(self, address: _Address, now_us: int) -> None:
        """An address that is handed over rests: no node's proxy changes at the moment at which the API says so."""
        service = next(iter(address.claims)) if len(address.claims) == 1 else ""
        if service != address.service:
            if address.used:
                address.silent_until_us = now_us + SETTLE_US
            address.service, address.used = service, True

    def _state(self, address: _Address, stamp_us: int) -> State:
        since_us = max(stamp_us, address.states[-1].since_us + 1) if address.states else stamp_us
        if not address.service or stamp_us < address.silent_until_us:
            return State(since_us, "", ())
        return State(since_us, address.service, tuple(sorted({self._backends[uid].name for uid in self._all(address)})))

    def _age(self, key: Key, address: _Address, now_us: int) -> None:
        """Drops states that are over for long, and the address when nothing is left to say of it."""
        states = address.states
        while len(states) > 1 and states[1].since_us + HISTORY_US <= now_us:
            del states[0]
        over = not address.claims and not address.former and len(states) == 1 and states[0].since_us + HISTORY_US <= now_us
        if over:
            del self._addresses[key]
        silent = address.service and not states[-1].service
        if over or not (address.former or len(states) > 1 or not address.claims or silent):
            self._ageing.discard(key)
        else:
            self._ageing.add(key)

    def _current(self, address: _Address) -> frozenset[str]:
        return frozenset().union(*address.claims.values())

    def _all(self, address: _Address) -> frozenset[str]:
        return self._current(address) | address.former.keys()
