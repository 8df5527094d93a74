"""The laws of sharing partitions, each held against every way there is to share them."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping

from hypothesis import given
from hypothesis import strategies as st

from streams.intake.spread import Member, Shares, believed_claims, spread

FLOWS, FORWARD = "weir.flows", "weir.forward.eu"
TOPICS = (FLOWS, FORWARD)
Group = tuple[dict[str, range], dict[str, Member]]


@st.composite
def groups(draw: st.DrawFn, most_members: int = 12, most_partitions: int = 40, *, same_topics: bool = True) -> Group:
    """Members that claim whatever they like, of topics that they read or not, of partitions that are there or not."""
    partitions = {topic: range(draw(st.integers(0, most_partitions))) for topic in draw(st.sets(st.sampled_from(TOPICS), min_size=1))}
    every = frozenset(partitions)
    numbers = st.sets(st.integers(0, most_partitions))
    member = st.builds(
        Member,
        st.just(every) if same_topics else st.sets(st.sampled_from(sorted(every)), min_size=1),
        st.dictionaries(st.sampled_from(TOPICS), numbers),
        st.integers(-1, 2),
    )
    names = draw(st.sets(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=most_members))
    return partitions, {name: draw(member) for name in sorted(names)}


def owners(shares: Shares) -> dict[tuple[str, int], str]:
    return {(topic, p): name for name, share in shares.items() for topic, numbers in share.items() for p in numbers}


def moves(members: Mapping[str, Member], partitions: Mapping[str, range], given_to: Mapping[tuple[str, int], str]) -> int:
    """Partitions that a member holds, and another is given."""
    held = {(topic, p): name for topic, owned in believed_claims(members).items() for p, name in owned.items()}
    return sum(held.get(place, name) != name for place, name in given_to.items())


def unevenness(members: Mapping[str, Member], partitions: Mapping[str, range], given_to: Mapping[tuple[str, int], str]) -> int | None:
    """Sum of the squares of totals; None where of a topic two readers' numbers differ by more than one."""
    totals: Counter[str] = Counter(given_to.values())
    for topic in partitions:
        readers = [name for name, member in members.items() if topic in member.topics]
        counts = [sum(name == reader for (of, _), name in given_to.items() if of == topic) for reader in readers]
        if counts and max(counts) - min(counts) > 1:
            return None
    return sum(total**2 for total in totals.values())


def every_way(partitions: Mapping[str, range], members: Mapping[str, Member]) -> Iterator[dict[tuple[str, int], str]]:
    places = [(topic, p) for topic, numbers in partitions.items() for p in numbers]
    readers = [[name for name, member in members.items() if topic in member.topics] for topic, _ in places]
    for chosen in itertools.product(*readers):
        yield dict(zip(places, chosen, strict=True))


@given(groups(same_topics=False))
def test_every_partition_goes_to_one_member_that_reads_its_topic(group: Group) -> None:
    partitions, members = group
    shares = spread(partitions, members)
    assert {name: set(share) for name, share in shares.items()} == {name: set(member.topics) for name, member in members.items()}
    read = {topic for member in members.values() for topic in member.topics}
    wanted = [(topic, p) for topic in sorted(read) for p in partitions[topic]]
    assert sorted((topic, p) for share in shares.values() for topic, numbers in share.items() for p in numbers) == wanted


@given(groups())
def test_totals_and_each_topics_numbers_differ_by_one_at_most(group: Group) -> None:
    shares = spread(*group).values()
    for counts in ([sum(map(len, share.values())) for share in shares], *([len(share[topic]) for share in shares] for topic in group[0])):
        assert max(counts) - min(counts) <= 1


@given(st.booleans().flatmap(lambda same: groups(4, 3, same_topics=same)))
def test_no_way_that_is_as_even_moves_fewer(group: Group) -> None:
    partitions, members = group
    found = owners(spread(partitions, members))
    read = {topic: numbers for topic, numbers in partitions.items() if any(topic in member.topics for member in members.values())}
    costs = [(unevenness(members, read, way), moves(members, read, way)) for way in every_way(read, members)]
    assert (unevenness(members, read, found), moves(members, read, found)) == min(cost for cost in costs if cost[0] is not None)


@given(groups(same_topics=False), st.randoms(use_true_random=False))
def test_the_order_of_members_and_of_claims_plays_no_part(group: Group, chance: object) -> None:
    partitions, members = group
    names, topics = list(members), list(partitions)
    chance.shuffle(names)  # type: ignore[attr-defined]
    chance.shuffle(topics)  # type: ignore[attr-defined]
    turned = {name: Member(members[name].topics, dict(reversed(members[name].claims.items())), members[name].generation) for name in names}
    assert spread({topic: partitions[topic][::-1] for topic in topics}, turned) == spread(partitions, members)


@given(groups(same_topics=False))
def test_what_was_spread_stays(group: Group) -> None:
    partitions, members = group
    shares = spread(partitions, members)
    again = {name: Member(member.topics, shares[name], 3) for name, member in members.items()}
    assert spread(partitions, again) == shares


def joined(count: int, partitions: Mapping[str, range]) -> Shares:
    """Shares of a group that members join one after the other."""
    members: dict[str, Member] = {}
    for generation in range(count):
        shares = spread(partitions, members | {f"w{generation}": Member(partitions)})
        members = {name: Member(partitions, share, generation) for name, share in shares.items()}
    return {name: dict(member.claims) for name, member in members.items()}  # type: ignore[arg-type]


def test_eight_partitions_leave_none_of_seven_members_without() -> None:
    counts = [len(share[FLOWS]) for share in joined(7, {FLOWS: range(8)}).values()]
    assert sorted(counts) == [1, 1, 1, 1, 1, 1, 2]


def test_one_that_comes_late_gets_its_share_and_no_other_partition_moves() -> None:
    partitions = {FLOWS: range(8), FORWARD: range(8)}
    before = joined(3, partitions)
    members = {name: Member(partitions, share, 5) for name, share in before.items()}
    after = spread(partitions, members | {"late": Member(partitions)})
    assert {topic: len(numbers) for topic, numbers in after["late"].items()} == {FLOWS: 2, FORWARD: 2}
    assert sum(owners(before)[place] != name for place, name in owners(after).items()) == 4


def test_what_a_member_leaves_goes_to_the_others_evenly_and_nothing_else_moves() -> None:
    before = joined(4, {FLOWS: range(12)})
    left = {name: Member((FLOWS,), share, 5) for name, share in before.items() if name != "w2"}
    after = spread({FLOWS: range(12)}, left)
    assert [len(share[FLOWS]) for share in after.values()] == [4, 4, 4]
    assert all(set(before[name][FLOWS]) <= set(share[FLOWS]) for name, share in after.items())


def test_a_claim_of_an_older_generation_gives_way_and_of_equals_none_counts() -> None:
    members = {
        "new": Member((FLOWS,), {FLOWS: [0, 1]}, 7),
        "old": Member((FLOWS,), {FLOWS: [0, 2]}, 6),
        "twin": Member((FLOWS,), {FLOWS: [1, 3]}, 7),
        "silent": Member((FLOWS,), {FLOWS: [2, 4]}),
        "elsewhere": Member((FLOWS,), {FORWARD: [5]}, 9),
    }
    assert believed_claims(members) == {FLOWS: {0: "new", 2: "old", 3: "twin", 4: "silent"}}


def test_a_large_group_is_even() -> None:
    partitions = {FLOWS: range(1_000), FORWARD: range(1_000)}
    members = {f"w{n}": Member(partitions, {FLOWS: range(n, 1_000, 301), FORWARD: range(n, 1_000, 299)}, 1) for n in range(300)}
    counts = [sum(map(len, share.values())) for share in spread(partitions, members).values()]
    assert max(counts) - min(counts) <= 1
