"""Names in the kernel: answers of a name server of the test's own, right and wrong, against a reader in Python."""

from __future__ import annotations

import ipaddress
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bpf import pins, sources
from bpf.cgroup import cgroup_id
from bpf.probe import Probe, open_probe, remove_probe
from tests.bpf.conftest import Pair
from tests.bpf.support import answer as said
from tests.bpf.support import drain, since, total
from tests.support import dns
from tests.support.dns import AAAA, CNAME, TXT, A, Record, answer
from tests.support.processes import PATIENCE
from weir.lab import Lab, Pod

SCRIPT = Path(dns.__file__).with_name("name_server.py")
END_OF_TIME = 2**63
NAME = "www.example.com"
V4, V6 = "198.51.100.7", "2001:db8::7"


@contextmanager
def running(pod: Pod, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    argv = [sys.executable, "-S", str(SCRIPT), *map(str, arguments)]
    process = pod.popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert said(process) == "ready"
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=30 * PATIENCE)


@pytest.fixture(scope="module")
def server(pair: Pair) -> Iterator[Pod]:
    with running(pair.server, "reflect"):
        yield pair.server


@pytest.fixture(scope="module")
def asking(pair: Pair, server: Pod) -> Iterator[subprocess.Popen[str]]:
    """Asks the server by UDP, IPv4."""
    with running(pair.client, "ask", server.ipv4) as process:
        yield process


def play(process: subprocess.Popen[str], messages: Sequence[bytes], lines: str | None = None) -> None:
    assert process.stdin is not None
    process.stdin.write(dns.lines(messages) if lines is None else lines)
    process.stdin.flush()
    for _ in messages:
        said(process)


def kept(probe: Probe, pod: Pod) -> dict[str, str]:
    """Address to name; a contested name in brackets. All are forgotten afterwards."""
    asked = probe.asked(END_OF_TIME)
    found = {}
    for key, value in zip(asked.keys, asked.values, strict=True):
        if key["cgroup"] != cgroup_id(pod.cgroup):
            continue
        ip, name = ipaddress.IPv6Address(key["address"].tobytes()), value["name"].tobytes()
        assert name[value["length"] :].strip(b"\0") == b""
        text = name[: value["length"]].decode("ascii")
        found[str(ip.ipv4_mapped or ip)] = f"({text})" if value["contested_until_ns"] else text
    return found


def told(pair: Pair, process: subprocess.Popen[str], *messages: bytes) -> dict[str, str]:
    pair.probe.asked(END_OF_TIME)
    play(process, messages)
    return kept(pair.probe, pair.client)


CHAIN = [Record(NAME, CNAME, "a.cdn.example.net"), Record("a.cdn.example.net", CNAME, "edge.example.org")]


@pytest.mark.parametrize("compress", [True, False])
def test_an_address_gets_the_name_that_was_asked_for(pair: Pair, asking: subprocess.Popen[str], compress: bool) -> None:
    one = answer("WWW.Example.com", [Record("www.example.COM", A, V4), Record(NAME, A, "198.51.100.8")], compress=compress)
    assert told(pair, asking, one) == {V4: NAME, "198.51.100.8": NAME}
    six = answer(NAME, [*CHAIN, Record("Edge.example.org", AAAA, V6)], kind=AAAA, compress=compress)
    assert told(pair, asking, six) == {V6: NAME}


@pytest.mark.parametrize(("family", "command"), [("ipv6", "ask"), ("ipv4", "ask-tcp"), ("ipv6", "ask-tcp")])
def test_over_ipv6_and_tcp_too(pair: Pair, server: Pod, family: str, command: str) -> None:
    with running(pair.client, command, getattr(server, family)) as process:
        assert told(pair, process, answer(NAME, [*CHAIN, Record("edge.example.org", A, V4)])) == {V4: NAME}


def pointing_forward() -> bytes:
    """The owner of an address is spelt behind it, in a text."""
    message = answer(NAME, [Record("x", A, V4), Record(NAME, TXT, dns.packed_name(NAME))], compress=False).replace(b"\x01x\0", b"\xc0\0")
    at = message.rindex(dns.packed_name(NAME))
    return message.replace(b"\xc0\0", (0xC000 | at).to_bytes(2, "big"))


def going_round() -> bytes:
    """A CNAME's target points to itself, and an address belongs to it."""
    message = answer(NAME, [Record(NAME, CNAME, b"\x01a\xc0\0"), Record("x", A, V4)]).replace(b"\x01x\0", b"\xc0\0")
    at = message.index(b"\x01a\xc0")
    return message.replace(b"\xc0\0", (0xC000 | at).to_bytes(2, "big"))


TARGET = "b.example.com"
REFUSED = {
    "a pointer forward": pointing_forward(),
    "a pointer that goes round": going_round(),
    "a target with more behind it": answer(NAME, [Record(NAME, CNAME, dns.packed_name(TARGET) + b"\0"), Record(TARGET, A, V4)]),
    "a target that ends too late": answer(NAME, [Record(NAME, CNAME, dns.packed_name(TARGET)[:-1]), Record(TARGET, A, V4)]),
    "nobody's": answer(NAME, [Record("other.example.com", A, V4)]),
    "another's CNAME": answer(NAME, [Record("other.example.com", CNAME, "b.example.com"), Record("b.example.com", A, V4)]),
    "a chain from behind": answer(NAME, [Record("b.example.com", A, V4), Record(NAME, CNAME, "b.example.com")]),
    "another type": answer(NAME, [Record(NAME, AAAA, V6)]),
    "another class": answer(NAME, [Record(NAME, A, V4, of_class=3)]),
    "a question": answer(NAME, [Record(NAME, A, V4)], flags=0x0100),
    "an error": answer(NAME, [Record(NAME, A, V4)], flags=0x8183),
    "a notice": answer(NAME, [Record(NAME, A, V4)], flags=0xA180),
    "truncated": answer(NAME, [Record(NAME, A, V4)], flags=0x8380),
    "two questions": answer(NAME, [Record(NAME, A, V4)], questions=2),
    "no record": answer(NAME, []),
    "text": answer(NAME, [Record(NAME, TXT, b"\x04text")], kind=TXT),
    "a quote": answer('w"w.example.com', [Record('w"w.example.com', A, V4)]),
    "a blank": answer("w w.example.com", [Record("w w.example.com", A, V4)]),
    "a dot in a label": answer(NAME, [Record(NAME, A, V4)]).replace(b"www", b"w.w"),
    "no name": answer("", [Record("", A, V4)]),
    "a size too short": answer(NAME, [Record(NAME, A, b"\xc6\x33\x64")]),
    "a size too long": answer(NAME, [Record(NAME, A, b"\xc6\x33\x64\x07\x07")]),
    "more records than there are": answer(NAME, [Record(NAME, A, V4)], count=2),
    "65,535 records": answer(NAME, [Record(NAME, A, V4)], count=65_535),
    "cut short": answer(NAME, [Record(NAME, A, V4)])[:-1],
    "a pointer to itself": answer(NAME, [Record("x", CNAME, b"")]).replace(b"\x01x\x00", b"\xc0\x21"),
    "private": answer(NAME, [Record(NAME, A, ip) for ip in ("10.1.2.3", "127.0.0.1", "192.168.7.7", "172.31.0.1", "169.254.1.1")]),
    "groups": answer(NAME, [Record(NAME, A, ip) for ip in ("224.0.0.1", "255.255.255.255", "0.0.0.1", "100.127.0.1")]),
    "private, IPv6": answer(NAME, [Record(NAME, AAAA, ip) for ip in ("::1", "::", "fd00::1", "fe80::1", "ff02::1")], kind=AAAA),
    "mapped and private": answer(NAME, [Record(NAME, AAAA, "::ffff:10.0.0.1")], kind=AAAA),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_such_answer_names_nothing(pair: Pair, asking: subprocess.Popen[str], kind: str) -> None:
    before = pair.begin()
    assert told(pair, asking, REFUSED[kind]) == {}
    pair.exact(before)


def test_labels_and_names_of_the_largest_size(pair: Pair, asking: subprocess.Popen[str]) -> None:
    longest = ".".join(["a" * 63] * 3 + ["b" * 61])
    many = ".".join("c" * 127)
    assert told(pair, asking, answer(longest, [Record(longest, A, V4)])) == {V4: longest}
    assert told(pair, asking, answer(many, [Record(many, A, V4)], compress=False)) == {V4: many}
    assert told(pair, asking, answer(f"{longest}b", [Record(f"{longest}b", A, V4)])) == {}


def test_only_what_the_socket_asked_is_read(pair: Pair, server: Pod, asking: subprocess.Popen[str]) -> None:
    message = answer(NAME, [Record(NAME, A, V4)], number=7)
    pair.probe.asked(END_OF_TIME)
    play(asking, [message], f"0008 {message.hex()}\n")
    assert kept(pair.probe, pair.client) == {}
    teller = pair.lab.nodes[1].pod("teller")
    with running(pair.client, "listen", 4000) as listener:
        for command in ("tell", "dial"):
            with running(teller, command, pair.client.ipv4, 4000) as process:
                play(process, [message])
            said(listener)
    assert kept(pair.probe, pair.client) == {}


def test_a_second_name_within_the_time_makes_an_address_contested(pair: Pair, asking: subprocess.Popen[str]) -> None:
    one, other = (answer(name, [Record(name, A, V4)]) for name in ("a.example.com", "b.example.com"))
    assert told(pair, asking, one, one) == {V4: "a.example.com"}
    assert told(pair, asking, one, other, one) == {V4: "(a.example.com)"}


def test_after_its_time_an_address_has_its_next_name(pair: Pair, asking: subprocess.Popen[str]) -> None:
    names = ("a.example.com", "b.example.com")
    pair.probe.asked(END_OF_TIME)
    play(asking, [answer(names[0], [Record(names[0], A, V4, ttl=0)])])
    (value,) = pair.probe.asked(0).values
    assert value["expires_ns"] - value["asked_ns"] == 1_000_000_000
    while time.monotonic_ns() <= value["expires_ns"]:
        time.sleep(0.05)
    play(asking, [answer(names[1], [Record(names[1], A, V4, ttl=2**31 - 1)])])
    (value,) = pair.probe.asked(0).values
    assert value["expires_ns"] - value["asked_ns"] == 86_400 * 1_000_000_000
    assert kept(pair.probe, pair.client) == {V4: names[1]}


def test_what_has_run_out_is_forgotten_and_nothing_else(pair: Pair, asking: subprocess.Popen[str]) -> None:
    brief, lasting = answer("a.example.com", [Record("a.example.com", A, V4, ttl=5)]), answer(NAME, [Record(NAME, AAAA, V6)], kind=AAAA)
    pair.probe.asked(END_OF_TIME)
    play(asking, [brief, lasting])
    later = time.monotonic_ns() + 20 * 1_000_000_000
    assert len(pair.probe.asked(later).keys) == 2
    assert kept(pair.probe, pair.client) == {V6: NAME}


def test_more_addresses_than_are_read_are_counted(pair: Pair, asking: subprocess.Popen[str]) -> None:
    def unread() -> int:
        return sum(lost.events for lost in pair.probe.lost() if lost.reason == "domains_unread")

    addresses = [f"198.51.100.{i}" for i in range(70)]
    before = unread()
    assert told(pair, asking, answer(NAME, [Record(NAME, A, ip) for ip in addresses])) == dict.fromkeys(addresses[:64], NAME)
    assert unread() == before + 1
    long = answer(NAME, [Record(NAME, A, V4), Record(NAME, TXT, bytes(4096))])
    assert told(pair, asking, long) == {}
    assert unread() == before + 2


@pytest.fixture
def small() -> Iterator[tuple[Pod, Pod, Probe]]:
    with Lab("test-bpf-names") as lab:
        client, server = lab.node("n1").pod("client"), lab.node("n2").pod("server")
        probe = open_probe(lab.nodes[0].cgroup, domain_entries=16)
        with running(server, "reflect"):
            yield client, server, probe
            lab.kill()
        probe.close()
        remove_probe(lab.nodes[0].cgroup)


def test_a_full_map_is_counted_and_loses_no_packet(small: tuple[Pod, Pod, Probe]) -> None:
    client, server, probe = small
    before = client.counters()
    with running(client, "ask", server.ipv4) as process:
        play(process, [answer(NAME, [Record(NAME, A, f"198.51.100.{i}") for i in range(23)])])
        assert len(kept(probe, client)) == 16
        (lost,) = probe.lost()
        assert (lost.reason, lost.packets, lost.bytes, lost.events) == ("domains_full", 0, 0, 7)
        play(process, [answer(NAME, [Record(NAME, A, "198.51.100.99")])])
        assert kept(probe, client) == {"198.51.100.99": NAME}
    counted, link = total(drain(probe), client), since(client.counters(), before)
    assert (counted["packets_sent"], counted["packets_received"]) == (link.packets_sent, link.packets_received) == (2, 2)


def test_switched_off_nothing_is_read() -> None:
    with Lab("test-bpf-off") as lab:
        client, server = lab.node("n1").pod("client"), lab.node("n2").pod("server")
        probe = open_probe(lab.nodes[0].cgroup, domain_entries=0)
        with running(server, "reflect"), running(client, "ask", server.ipv4) as process:
            play(process, [answer(NAME, [Record(NAME, A, V4)])])
        assert len(probe.asked(0).keys) == 0
        assert total(drain(probe), client)["packets_received"] == 1
        probe.close()
        again = open_probe(lab.nodes[0].cgroup)
        assert not again.adopted, "with another stamp"
        again.close()
        remove_probe(lab.nodes[0].cgroup)


WITHOUT = """
import sys
from pathlib import Path
from bpf import compiler, sources
sources.PROGRAMS_AFTER = ("read_answer", "no_such_program")
compiler.build(Path(sys.argv[1]), Path(sys.argv[2]), 64, 16)
"""


def test_a_kernel_that_refuses_the_reading_programs_counts_without_them() -> None:
    with Lab("test-bpf-refused") as lab:
        client, server = lab.node("n1").pod("client"), lab.node("n2").pod("server")
        lock = pins.lock(lab.nodes[0].cgroup)
        directory = pins.home(lab.nodes[0].cgroup) / sources.stamp(64, 16)
        directory.mkdir()
        command = [sys.executable, "-c", WITHOUT, str(lab.nodes[0].cgroup), str(directory)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.startswith("the kernel refused the programs that read DNS answers (")
        os.close(lock)
        probe = open_probe(lab.nodes[0].cgroup, map_entries=64, domain_entries=16)
        assert probe.adopted
        with running(server, "reflect"), running(client, "ask", server.ipv4) as process:
            play(process, [answer(NAME, [Record(NAME, A, V4)])])
        assert kept(probe, client) == {}
        assert total(drain(probe), client)["packets_received"] == 1
        probe.close()
        remove_probe(lab.nodes[0].cgroup)


NAMES = st.lists(st.text("abcXYZ019-_", min_size=1, max_size=9), min_size=1, max_size=5).map(".".join)
ADDRESSES = st.integers(1, 200).map(lambda last: f"198.51.100.{last}")


@st.composite
def valid(draw: st.DrawFn) -> bytes:
    asked = draw(NAMES)
    chain = draw(st.lists(NAMES, max_size=3))
    records = [Record(a, CNAME, b) for a, b in zip([asked, *chain], chain, strict=False)]
    six = draw(st.booleans())
    for address in draw(st.lists(ADDRESSES, min_size=1, max_size=5)):
        data = f"2001:db8::{address.rsplit('.', 1)[1]}" if six else address
        records.append(Record(([asked, *chain])[-1], AAAA if six else A, data, draw(st.sampled_from([0, 60, 300, 2**32 - 1]))))
    if draw(st.booleans()):
        records.insert(draw(st.integers(0, len(records))), Record(draw(NAMES), TXT, draw(st.binary(max_size=20))))
    kind, compress = AAAA if six else A, draw(st.booleans())
    return answer(asked, records, kind=kind, number=draw(st.integers(0, 65_535)), compress=compress)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    message = bytearray(draw(valid()))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(2, len(message) - 1))
        match draw(st.integers(0, 5)):
            case 0 | 1:
                message[at] = draw(st.sampled_from([0, 1, 3, 5, 12, 28, 63, 64, 0x80, 0xC0, 0xFF]) | st.integers(0, 255))
            case 2:
                message[at : at + 2] = (0xC000 | draw(st.integers(0, len(message) + 2))).to_bytes(2, "big")
            case 3:
                del message[max(at, 13) :]
            case 4:
                message[at:at] = draw(st.binary(min_size=1, max_size=12))
            case _:
                cut = draw(st.integers(2, len(message)))
                message[at:at] = message[min(at, cut) : max(at, cut)]
    return bytes(message[:1400])


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.just(True), valid()) | st.tuples(st.just(False), mutated()), min_size=20, max_size=40))
def test_the_kernel_reads_what_a_reader_in_python_reads(pair: Pair, asking: subprocess.Popen[str], drawn: list[tuple[bool, bytes]]) -> None:
    """Nothing else is stored; of answers that are whole, everything is. Whatever came, the flows are exact."""
    messages = [message for _, message in drawn]
    before = pair.begin()
    found = told(pair, asking, *messages)
    pair.exact(before)
    allowed: dict[str, set[str]] = {}
    for is_right, message in drawn:
        for name, address, _ in dns.read(message):
            ip = ipaddress.IPv6Address(address)
            text = str(ip.ipv4_mapped or ip)
            allowed.setdefault(text, set()).add(name)
            assert text in found or not is_right
    assert {address: name for address, name in found.items() if name.strip("()") not in allowed.get(address, set())} == {}
    assert [a for a, names in allowed.items() if a in found and len(names) == 1 and found[a].startswith("(")] == []
