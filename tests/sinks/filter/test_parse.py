"""What filters mean, and what is said of those that mean nothing."""

from __future__ import annotations

import pytest

from sinks.filter.fields import ALIASES, ELSEWHERE, FIELDS, dimensions, field_named
from sinks.filter.parse import parse, parts
from sinks.filter.sql import dimensions_of, metrics_of, split
from sinks.filter.tree import All, Amount, FilterError, Pattern, Prefix, Term, text

CONTRACT = (
    "client=checkout server=pay* port in (443,8443) zone=eu-1a failed>0 rtt>5ms bytes>1GB ip in 10.2.0.0/16 reason in (gap, ambiguous)"
)


def test_the_contracts_filter_means_what_the_contract_says() -> None:
    mapped = bytes(10) + b"\xff\xff\x0a\x02"
    assert parse(CONTRACT) == All(
        (
            Term("client", "in", (Pattern(("checkout",)),)),
            Term("server", "in", (Pattern(("pay", "")),)),
            Term("service_port", "in", (443, 8443)),
            Term("zone", "in", (Pattern(("eu-1a",)),)),
            Term("connections_failed", ">", (Amount(0, "0"),)),
            Term("rtt_us", ">", (Amount(5_000, "5ms"),)),
            Term("bytes", ">", (Amount(10**9, "1GB"),)),
            Term("ip", "in", (Prefix(mapped + b"\0\0", mapped + b"\xff\xff", "10.2.0.0/16"),)),
            Term("reason", "in", (Pattern(("gap",)), Pattern(("ambiguous",)))),
        )
    )


@pytest.mark.parametrize(
    ("written", "same_as"),
    [
        ("a b or c d", "(a b) or (c d)"),
        ("a or b and c", "a or (b c)"),
        ("not a b", "(not a) b"),
        ("not a or b", "(not a) or b"),
        ("not (a or b)", "not(a OR b)"),
        ("a AND b", "a b"),
        ("client!=a", "not client=a"),
        ("client not in (a, b)", "not client in (a,b)"),
        ("client in a", "client=a"),
        ("CLIENT = a", "client=a"),
        ("port=0443", "service_port=443"),
        ("Failed>0", "connections_failed>0"),
        ("protocol=TCP", "protocol=tcp"),
        ("role=Client", "role=client"),
        ('ip="10.0.0.1"', "ip=10.0.0.1"),
        ('client="pay"*', "client=pay*"),
        ('"pay"', "pay"),
        ("failed>5%", 'failed > "5%"'),
    ],
)
def test_two_ways_to_write_the_same(written: str, same_as: str) -> None:
    assert text(parse(written) or pytest.fail()) == text(parse(same_as) or pytest.fail())


@pytest.mark.parametrize("written", ["", "  \t\n "])
def test_nothing_lets_everything_through(written: str) -> None:
    assert parse(written) is None


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("bytes>1.5kB", 1_500), ("bytes>1KiB", 1_024), ("bytes>2TB", 2 * 10**12), ("bytes>7", 7), ("bytes>1gb", 10**9), ("rtt>250us", 250),
        ("rtt>1.5s", 1_500_000), ("rtt_max>3", 3), ("flows>2k", 2_000), ("packets>1M", 10**6), ("failed>2.5%", 0.025),
    ],
)  # fmt: skip
def test_amounts_are_in_the_fields_own_unit(written: str, number: float) -> None:
    tree = parse(written)
    assert isinstance(tree, Term) and isinstance(tree.values[0], Amount)
    assert tree.values[0].number == number and tree.values[0].is_share == ("%" in written)


@pytest.mark.parametrize(
    ("written", "start", "end", "sentence"),
    [
        ("client=", 7, 7, "The filter ends too early. A value for client is missing."),
        ("client=and server=b", 7, 10, 'A value for client is missing, or is to be quoted: "and".'),
        ("clinet=a", 0, 6, "clinet is no field: did you mean client"),
        ("group=shop", 0, 5, "group is no field: did you mean namespace?"),
        ("a src=b", 2, 5, "src is no field: did you mean client?"),
        ("zzz9=1", 0, 4, "zzz9 is no field: known are workload, client,"),
        ('"client"=a', 0, 8, '"client" is no field'),
        ("a)", 1, 2, ") cannot stand here. It has no opening parenthesis."),
        ("(a", 2, 2, "A parenthesis is not closed."),
        ("port in (1 2)", 11, 12, "A list is not closed."),
        ("port in ()", 9, 10, "A value for service_port is missing."),
        ("a or", 4, 4, "The filter ends too early. Expected: a field, a name, not or (."),
        ("or a", 0, 2, "or cannot stand here."),
        ("a and and b", 6, 9, "and cannot stand here."),
        ("= a", 0, 1, "= cannot stand here."),
        ("client==a", 7, 8, "= cannot stand here. A value for client is missing."),
        ("a !b", 2, 3, "A ! stands alone: write != for 'is not', or not before a term."),
        ("client=a\\b", 8, 9, "A backslash stands outside of quotation marks"),
        ('client="a b', 7, 11, "A quotation mark is not closed."),
        ("client<b", 6, 7, "client has no order: use =, != or in."),
        ("pay*", 0, 4, "pay* is a wildcard without a field: write workload=pay*, or a part of a name."),
        ('""', 0, 2, 'write server="" for servers without one.'),
        ("port=x", 5, 6, "x is no service_port: write a number from 0 to 65535."),
        ("port=65536", 5, 10, "65536 is no service_port"),
        ("port=٤", 5, 6, "is no service_port"),
        ("port=44*", 5, 8, "44* is no service_port"),
        ("ip=10.0.0", 3, 9, "10.0.0 is no address and no prefix: write 10.0.0.1,"),
        ("ip=10.0.0.1*", 3, 12, "10.0.0.1* is no address and no prefix"),
        ("ip=fe80::1%eth0", 3, 15, "is no address and no prefix"),
        ("reason=because", 7, 14, "because is no reason: use unknown, ambiguous,"),
        ("reason=g*", 7, 9, "g* is no reason"),
        ("bytes>x", 6, 7, "x is no amount of bytes: write a number, with B, kB,"),
        ("bytes>-1", 6, 8, "-1 is no amount of bytes"),
        ("bytes>1ms", 6, 9, "ms is no unit of bytes: use B, kB,"),
        ("rtt>1GB", 4, 7, "GB is no unit of rtt_us: use us, ms or s."),
        ("bytes>5%", 6, 8, "bytes is no share of anything: write it without %."),
        ("bytes>9999999TB", 6, 15, "more than can be counted"),
        (f"failed>{'9' * 400}.0%", 7, 410, "more than can be counted"),
        ("client=a not", 12, 12, "The filter ends too early."),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(written: str, start: int, end: int, sentence: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse(written)
    assert sentence in str(caught.value)
    assert (caught.value.start, caught.value.end) == (start, end)


def test_what_may_stand_there_is_said_too() -> None:
    for written, expected in (
        ("reason=x", FIELDS["reason"].words),
        ("clien=a", ("client",)),
        ("port in (1", (",", ")")),
        ("!a", ("!=", "not")),
    ):
        with pytest.raises(FilterError) as caught:
            parse(written)
        assert caught.value.expected[: len(expected)] == expected


def test_a_filter_is_cut_into_its_parts_with_their_places() -> None:
    written = ' client=a  (b or c) not  port=1 "x y"'
    found = parts(written)
    assert [written[slice(*part.place)] for part in found] == ["client=a", "(b or c)", "not  port=1", '"x y"']
    assert [text(part.node) for part in found] == ["client=a", "b or c", "port!=1", '"x y"']
    (whole,) = parts(" a or b c ")
    assert (text(whole.node), whole.place) == ("a or b c", (1, 9))


def test_names_and_sums_are_told_apart() -> None:
    found = split(parse("client=a (server=b (failed>0 rtt>1ms)) bytes>1"))
    assert text(found.where or pytest.fail()) == "client=a server=b"
    assert text(found.having or pytest.fail()) == "failed>0 rtt>1ms bytes>1"
    assert dimensions_of(found.where) == {"client", "server"}
    assert metrics_of(found.having) == {"connections_failed", "rtt_us", "bytes"}
    assert split(None) == split(parse(""))
    assert metrics_of(parse("failed>1%")) == {"connections_failed", "connections_opened"}
    assert dimensions_of(parse("zone=a pay")) == {"client_zone", "server_zone", "client", "server", "service", "domain"}


@pytest.mark.parametrize(("written", "start", "end"), [("a (client=b or failed>0)", 3, 23), ("x not (port=1 bytes>2)", 7, 21)])
def test_names_and_sums_under_one_or_are_refused_where_they_stand(written: str, start: int, end: int) -> None:
    with pytest.raises(FilterError, match="put them side by side, or ask twice") as caught:
        split(parse(written))
    assert (caught.value.start, caught.value.end) == (start, end)


def test_a_long_filter_is_not_said_again_as_a_whole() -> None:
    with pytest.raises(FilterError) as caught:
        split(parse(f'client="\x1b[2J{"a" * 3_000}" or bytes>1'))
    assert len(str(caught.value)) < 300 and str(caught.value).isprintable()


def test_every_field_and_every_alias_can_be_asked() -> None:
    for name, field in FIELDS.items():
        value = field.words[0] if field.words else "10.0.0.1" if field.kind == "address" else "1"
        assert isinstance(parse(f"{name}={value}"), Term)
        assert all(end in FIELDS and not FIELDS[end].ends for end in field.ends)
    assert {ALIASES[alias] for alias in ALIASES} <= FIELDS.keys()
    assert not ALIASES.keys() & FIELDS.keys()
    assert all(field_named(other) is None and field_named(ours) is not None for other, ours in ELSEWHERE.items())
    assert {field.name for field in dimensions()} == {name for name, field in FIELDS.items() if not field.ends and not field.is_metric}
