"""Why connections fail: refused, timed out, or for a reason that no program sees. And when: in the window in which it is decided."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from bpf.probe import Drained
from tests.bpf.conftest import Pair
from tests.bpf.support import CLIENT, TCP, Flow, drain, flows_of, on_link, output, since, start, total, traffic
from weir.lab import Pod

CAUSES = ("connections_failed", "connections_refused", "connections_timed_out")
UNDECIDED = 60_000


def causes(drained: Drained, pod: Pod) -> tuple[int, ...]:
    counts = total(drained, pod)
    assert counts["connections_opened"] == counts["connections_closed"] == counts["connections_reset"] == 0
    return tuple(counts[name] for name in CAUSES)


def heard(process: subprocess.Popen[str], told: str = "") -> str:
    """The next line that a process says, after it was told one."""
    assert process.stdin and process.stdout
    process.stdin.write(told)
    process.stdin.flush()
    return process.stdout.readline()


@contextmanager
def rule(pod: Pod, *words: str) -> Iterator[None]:
    """A rule of the pod's firewall, for what comes to TCP port 83, in both families."""
    for program in ("iptables", "ip6tables"):
        pod.run([program, "-A", "INPUT", "-p", "tcp", "--dport", "83", "-j", *words])
    yield
    for program in ("iptables", "ip6tables"):
        pod.run([program, "-F", "INPUT"])


@contextmanager
def no_link(pod: Pod) -> Iterator[None]:
    pod.set_link(False)
    yield
    pod.set_link(True)


@contextmanager
def no_neighbour(pair: Pair) -> Iterator[None]:
    """The client forgets its peer's link address, asks for it, and nobody answers."""
    pair.client.run(["ip", "link", "set", "eth0", "arp", "on"])
    yield
    pair.client.run(["ip", "link", "set", "eth0", "arp", "off"])
    pair.lab.announce([(address, pair.server.mac) for address in pair.server.addresses], pair.server)


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_a_closed_port_is_a_failed_connection(pair: Pair, family: str) -> None:
    local, remote = getattr(pair.client, family), getattr(pair.server, family)
    before = pair.begin()
    traffic(pair.client, "refused", remote, 81, 13)
    drained = drain(pair.probe)
    assert list(flows_of(drained, pair.client)) == [Flow(local, remote, 81, TCP, CLIENT)]
    counts = total(drained, pair.client)
    assert counts["connections_failed"] == counts["connections_refused"] == 13
    assert counts["connections_timed_out"] == 0
    assert counts["connections_opened"] == counts["connections_closed"] == counts["connections_reset"] == 0
    # The SYN is the client's, and the RST arrives at its socket; on the other side no socket was involved.
    assert on_link(counts) == since(pair.client.counters(), before["client"])
    assert flows_of(drained, pair.server) == {}


Silence = Callable[[Pair], AbstractContextManager[None]]
SILENCES: dict[str, Silence] = {
    "firewall": lambda pair: rule(pair.server, "DROP"),
    "cable": lambda pair: no_link(pair.server),
}


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
@pytest.mark.parametrize("silence", SILENCES)
def test_silence_is_a_timeout(pair: Pair, silence: str, family: str) -> None:
    pair.begin()
    with SILENCES[silence](pair):
        said = output(pair.client, "attempt", getattr(pair.server, family), 83, 7, UNDECIDED)
    assert said.split() == ["begun"] + ["ETIMEDOUT"] * 7
    assert causes(drain(pair.probe), pair.client) == (7, 0, 7)


def test_a_firewall_that_answers_for_the_port_refuses(pair: Pair) -> None:
    pair.begin()
    with rule(pair.server, "REJECT", "--reject-with", "tcp-reset"):
        said = output(pair.client, "attempt", pair.server.ipv4, 83, 7, UNDECIDED)
    assert said.split() == ["begun"] + ["ECONNREFUSED"] * 7
    assert causes(drain(pair.probe), pair.client) == (7, 7, 0)


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_an_icmp_error_is_neither(pair: Pair, family: str) -> None:
    """It comes while connect() holds the socket, is not heeded, and comes again for the SYN sent again. Of more than two, some."""
    pair.begin()
    with rule(pair.server, "REJECT"):
        said = output(pair.client, "attempt", getattr(pair.server, family), 83, 2, UNDECIDED)
    assert said.split() == ["begun"] + ["ECONNREFUSED"] * 2, "the kernel gives an ICMP error the name of a refusal"
    assert causes(drain(pair.probe), pair.client) == (2, 0, 0)


@pytest.mark.parametrize(("milliseconds", "timed_out"), [(211, 0), (1_511, 7)])
def test_who_gives_up_within_a_second_was_not_timed_out(pair: Pair, milliseconds: int, timed_out: int) -> None:
    pair.begin()
    with no_link(pair.server):
        said = output(pair.client, "attempt", pair.server.ipv4, 83, 7, milliseconds)
    assert said.split() == ["begun"] + ["EINPROGRESS"] * 7
    assert causes(drain(pair.probe), pair.client) == (7, 0, timed_out)


def test_a_neighbour_that_does_not_answer_is_a_timeout(pair: Pair) -> None:
    """The kernel reports it after three seconds, when the SYN has been sent again (and waits, as the first one, for the neighbour)."""
    pair.begin()
    with no_neighbour(pair):
        said = output(pair.client, "attempt", pair.server.ipv4, 83, 7, UNDECIDED)
    assert set(said.split()) <= {"begun", "EHOSTUNREACH", "ETIMEDOUT"}
    assert causes(drain(pair.probe), pair.client) == (7, 0, 7)


def test_a_stray_reset_is_no_refusal(pair: Pair) -> None:
    """TCP heeds a RST in answer to a SYN only if it acknowledges that SYN."""
    stray = (
        "import socket, struct, sys; port = int(sys.argv[1]);"
        "head = struct.pack('!HHIIBBHHH', 83, port, 0, 12345, 5 << 4, 0x14, 0, 0, 0);"
        f"a, b = socket.inet_aton('{pair.server.ipv4}'), socket.inet_aton('{pair.client.ipv4}');"
        "words = struct.unpack('!16H', a + b + struct.pack('!HH', 6, 20) + head); s = sum(words); s = (s & 65535) + (s >> 16);"
        "head = head[:16] + struct.pack('!H', ~((s & 65535) + (s >> 16)) & 65535) + head[18:];"
        "out = socket.socket(socket.AF_INET, socket.SOCK_RAW, 6); print('ready', flush=True); sys.stdin.readline();"
        f"out.sendto(head, ('{pair.client.ipv4}', 0)); print('sent', flush=True); sys.stdin.readline()"
    )
    connect = (
        "import socket, sys; s = socket.socket(); s.bind(('', 40961)); s.setblocking(False);"
        "print('ready', flush=True); sys.stdin.readline();"
        f"s.connect_ex(('{pair.server.ipv4}', 83)); print('begun', flush=True); sys.stdin.readline(); s.close()"
    )
    pair.begin()
    with rule(pair.server, "DROP"):
        sender = pair.server.popen(["python3", "-S", "-c", stray, "40961"], stdin=-1, stdout=-1, text=True)
        caller = pair.client.popen(["python3", "-S", "-c", connect], stdin=-1, stdout=-1, text=True)
        assert heard(sender) == heard(caller) == "ready\n"
        # Both wait for their line, so that the socket is closed long before the second after which it would be timed out.
        assert heard(caller, "now\n") == "begun\n"
        assert heard(sender, "now\n") == "sent\n"
        caller.communicate("end\n")
        sender.communicate("end\n")
    drained = drain(pair.probe)
    assert total(drained, pair.client)["packets_received"] == 1, "the stray RST was seen"
    assert causes(drained, pair.client) == (1, 0, 0)


def test_a_connect_counts_in_the_window_in_which_it_is_decided(pair: Pair) -> None:
    pair.begin()
    with no_link(pair.server):
        process = start(pair.client, "attempt", pair.server.ipv4, 83, 7, UNDECIDED)
        undecided = drain(pair.probe)
        process.communicate()
    assert causes(undecided, pair.client) == (0, 0, 0)
    assert total(undecided, pair.client)["packets_sent"] == 7
    assert causes(drain(pair.probe), pair.client) == (7, 0, 7)


def test_causes_of_many_ends_at_once_add_up(pair: Pair) -> None:
    before = pair.begin()
    with no_link(pair.server):
        silent = start(pair.client, "attempt", pair.server.ipv4, 83, 11, UNDECIDED)
        traffic(pair.client, "refused", pair.client.ipv4, 83, 13)
        silent.communicate()
    flows = flows_of(drain(pair.probe), pair.client)
    assert before
    found = {flow.remote: tuple(counts[name] for name in CAUSES) for flow, counts in flows.items()}
    assert Counter(found.values()) == {(11, 0, 11): 1, (13, 13, 0): 1}
