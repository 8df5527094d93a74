"""Whatever happens in a cluster, and however late each watch tells of it: no state names less than a connection may have reached."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from producers.kubernetes.owners import parse_metadata
from producers.watcher.objects import read_pod, read_service, read_slice
from producers.watcher.pods import Pods
from producers.watcher.services import LINGER_US, SETTLE_US, Services, State
from tests.producers.watcher.raw import piece, service, thing
from tests.producers.watcher.test_services import VIP, S, key

TICK = 200_000
LAG = S
OWNERS = ("a", "b", "c")
VIPS = (VIP, "10.96.0.2")


@dataclass
class Cluster:
    """What is so, and the words of each watch that are on their way: in order, each at most LAG late."""

    services: Services
    pods: Pods
    now: int = 1_000 * S
    alive: dict[str, str] = field(default_factory=dict)  # pod: owner
    owned: set[str] = field(default_factory=set)
    selected: dict[str, frozenset[str]] = field(default_factory=dict)  # service: owners
    addresses: dict[str, str] = field(default_factory=dict)
    cuts: int = 1
    pieces: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    words: dict[str, deque[tuple[int, Callable[[], object]]]] = field(default_factory=dict)
    late: dict[str, int] = field(default_factory=lambda: {"pods": 0, "services": 0, "slices": 0, "owners": 0})
    opened: list[tuple[str, str, int]] = field(default_factory=list)  # address, pod, from when it was reached
    died: dict[str, int] = field(default_factory=dict)
    until: int = 0
    stuck: bool = False  # something keeps the watermark from going on
    told: dict[str, list[State]] = field(default_factory=dict)
    made: int = 0

    def say(self, watch: str, word: Callable[[], object]) -> None:
        self.words.setdefault(watch, deque()).append((self.now + self.late[watch], word))

    def start(self, owner: str) -> None:
        if owner not in self.owned:
            self.owned.add(owner)
            raw = parse_metadata(thing(f"{owner}-1", owner=("Deployment", owner)))
            self.say("owners", lambda: self.pods.parent_changed("ReplicaSet", raw))
        self.made += 1
        name = f"{owner}{self.made}"
        self.alive[name] = owner
        pod = read_pod(thing(name, owner=("ReplicaSet", f"{owner}-1")))
        self.say("pods", lambda: self.pods.changed(pod))
        self.cut()

    def kill(self, index: int) -> None:
        if self.alive:
            name = sorted(self.alive)[index % len(self.alive)]
            del self.alive[name]
            self.died[name] = self.now
            self.say("pods", lambda: self.pods.deleted(f"uid-{name}", self.now))
            self.cut()

    def select(self, name: str, owners: frozenset[str], address: str) -> None:
        if address not in {its for other, its in self.addresses.items() if other != name}:
            self.selected[name], self.addresses[name] = owners, address
            raw = read_service(service(name, [address]))
            self.say("services", lambda: self.services.service_changed(raw, self.now))
            self.cut()

    def drop(self, name: str) -> None:
        if self.selected.pop(name, None) is not None:
            del self.addresses[name]
            self.say("services", lambda: self.services.service_deleted(f"shop/{name}", self.now))
            self.cut()

    def cut(self) -> None:
        """Endpoints follow the pods, in so many slices; what changed is told slice by slice."""
        wanted: dict[str, tuple[str, tuple[str, ...]]] = {}
        for name, owners in self.selected.items():
            pods = sorted(pod for pod, owner in self.alive.items() if owner in owners)
            for at in range(self.cuts):
                wanted[f"{name}-{at}"] = name, tuple(pods[at :: self.cuts])
            self.opened += [(self.addresses[name], pod, self.now) for pod in pods]
        for gone in sorted(self.pieces.keys() - wanted.keys()):
            self.say("slices", lambda gone=gone: self.services.slice_deleted(f"shop/{gone}", self.now))
        for slice_name, (name, its) in wanted.items():
            if self.pieces.get(slice_name) != (name, its):
                raw = read_slice(piece(slice_name, name, its))
                self.say("slices", lambda raw=raw: self.services.slice_changed(raw, self.now))
        self.pieces = wanted

    def tick(self) -> None:
        self.now += TICK
        for name in self.selected:
            self.opened += [(self.addresses[name], pod, self.now) for pod, owner in self.alive.items() if owner in self.selected[name]]
        for words in self.words.values():
            while words and words[0][0] <= self.now:
                words.popleft()[1]()
        settled = self.services.settle(self.now, max(self.until, 1))
        for change in settled.changes:
            self.told.setdefault(str(change.key), []).append(change.state)
        if settled.complete and not self.stuck:
            self.until = max(self.until, self.now - LAG)

    def wrong(self) -> list[str]:
        """Connections of whose time a state says less than that their pod may be behind the address."""
        found = []
        begun: dict[tuple[str, str], int] = {}
        for address, pod, at in self.opened:
            begun.setdefault((address, pod), at)
        for (address, pod), at in begun.items():
            owner = f"shop/{pod[0]}"
            end = min(self.died.get(pod, self.until), self.until)
            states = self.told.get(str(key(address)), [])
            for state, after in zip(states, [*(later.since_us for later in states[1:]), self.until + 1], strict=False):
                overlaps = state.since_us <= end and max(at, state.since_us) < after
                if overlaps and state.service and owner not in state.workloads and "" not in state.workloads:
                    found.append(f"{owner} at {address} from {at} to {end}: {state}")
        return found


moves = st.one_of(
    st.tuples(st.just("start"), st.sampled_from(OWNERS)),
    st.tuples(st.just("kill"), st.integers(0, 9)),
    st.tuples(st.just("select"), st.sampled_from(("web", "api")), st.sets(st.sampled_from(OWNERS), max_size=2), st.sampled_from(VIPS)),
    st.tuples(st.just("drop"), st.sampled_from(("web", "api"))),
    st.tuples(st.just("cuts"), st.integers(1, 3)),
    st.tuples(st.just("late"), st.sampled_from(("pods", "services", "slices", "owners")), st.integers(0, 3)),
    st.tuples(st.just("stuck"), st.booleans()),
    st.tuples(st.just("wait"), st.sampled_from((1, 1, 2, 5, 40, 60, 160))),
)


def play(script: list[tuple]) -> Cluster:  # type: ignore[type-arg]
    pods = Pods()
    cluster = Cluster(Services(pods), pods)
    cluster.start("a")
    cluster.select("web", frozenset("a"), VIP)
    cluster.tick()
    for move, *its in script:
        match move:
            case "start":
                cluster.start(*its)
            case "kill":
                cluster.kill(*its)
            case "select":
                cluster.select(its[0], frozenset(its[1]), its[2])
            case "drop":
                cluster.drop(*its)
            case "cuts":
                cluster.cuts = its[0]
                cluster.cut()
            case "stuck":
                cluster.stuck = its[0]
            case "late":
                cluster.late[its[0]] = its[1] * TICK
            case "wait":
                for _ in range(its[0]):
                    cluster.tick()
    cluster.stuck = False
    for _ in range(2 * LAG // TICK):
        cluster.tick()
    return cluster


@given(st.lists(moves, max_size=40))
@settings(max_examples=300)
def test_a_state_never_says_less_than_what_may_have_been_reached(script: list[tuple]) -> None:  # type: ignore[type-arg]
    assert play(script).wrong() == []


@given(st.lists(moves, max_size=40))
def test_states_of_an_address_follow_each_other(script: list[tuple]) -> None:  # type: ignore[type-arg]
    for states in play(script).told.values():
        times = [state.since_us for state in states]
        assert times == sorted(set(times))
        assert all(one[1:] != other[1:] for one, other in zip(states, states[1:], strict=False))
        assert all(state.service or not state.workloads for state in states)


@given(st.lists(moves, max_size=30))
@settings(max_examples=100)
def test_in_the_end_the_states_are_what_is_behind_the_addresses(script: list[tuple]) -> None:  # type: ignore[type-arg]
    cluster = play(script)
    for name in tuple(cluster.alive):
        if cluster.alive[name] not in {owner for owners in cluster.selected.values() for owner in owners}:
            cluster.kill(sorted(cluster.alive).index(name))
    for _ in range((LINGER_US + SETTLE_US + LAG) // TICK + 20):
        cluster.tick()
    stands = {change.key: change.state for change in cluster.services.standing()}
    for name, owners in cluster.selected.items():
        behind = {f"shop/{owner}" for owner in cluster.alive.values() if owner in owners}
        state = stands[key(cluster.addresses[name])]
        assert state.service == f"shop/{name}"
        # Pods that were behind it and live still, behind another service, remain.
        assert behind <= set(state.workloads) <= behind | {f"shop/{owner}" for owner in cluster.alive.values()}
    assert len(stands) == len(cluster.selected)


@given(st.lists(moves, max_size=30), st.permutations(("pods", "services", "slices", "owners")))
@settings(max_examples=100)
def test_the_order_of_the_kinds_does_not_matter(script: list[tuple], order: tuple[str, ...]) -> None:  # type: ignore[type-arg]
    """All that is known of a cluster, told kind by kind: the same states."""
    seen = play(script)

    def told(kinds: tuple[str, ...]) -> list[tuple[object, object]]:
        pods = Pods()
        again = Services(pods)
        for kind in kinds:
            match kind:
                case "pods":
                    for pod, its in seen.alive.items():
                        pods.changed(read_pod(thing(pod, owner=("ReplicaSet", f"{its}-1"))))
                case "owners":
                    for its in sorted(seen.owned):
                        pods.parent_changed("ReplicaSet", parse_metadata(thing(f"{its}-1", owner=("Deployment", its))))
                case "services":
                    again.services_replaced([read_service(service(name, [ip])) for name, ip in seen.addresses.items()], S)
                case "slices":
                    again.slices_replaced([read_slice(piece(one, of, behind)) for one, (of, behind) in seen.pieces.items()], S)
        return [(change.key, change.state) for change in again.settle(S, S).changes]

    assert told(tuple(order)) == told(("pods", "owners", "services", "slices"))


def test_the_law_would_be_broken_by_states_without_former_backends() -> None:
    """The check itself finds what it is for."""
    cluster = play([("select", "web", {"b"}, VIP), ("start", "b"), ("wait", 20)])
    (states,) = cluster.told.values()
    cluster.told = {name: [state._replace(workloads=state.workloads[-1:]) for state in its] for name, its in cluster.told.items()}
    assert states[-1].workloads == ("shop/a", "shop/b") and cluster.wrong() != []
