"""Who may ask, by which names the console answers, and where it listens."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path

import pytest
from starlette.datastructures import Headers

from schemas.errors import SettingError, WeirError
from sinks.filter.parse import parse
from sinks.filter.tree import AnyOf
from tests.support.processes import ROOT
from weir.api.auth.access import OPEN, Access
from weir.api.auth.access_file import new_token, read_access
from weir.api.auth.hosts import check_origin, host_of, is_loopback
from weir.api.listening import check_public, listen
from weir.api.problems import Problem
from weir.settings.listening import Address, read_base_path, read_listen

PAY, SHOP = parse("workload=pay-*"), parse("namespace=shop")
TOKEN = "a-token-of-the-test"  # noqa: S105
KNOWN = Access(
    False,
    {hashlib.sha256(TOKEN.encode()).hexdigest(): ("grafana", ("pay",))},
    {"pay": PAY, "shop": SHOP, "all": None},
    (ip_network("10.9.0.0/16"), ip_network("fd00::/8")),
)
Write = Callable[[str], Path]


def headers(*pairs: tuple[str, str]) -> Headers:
    return Headers(raw=[(name.lower().encode(), value.encode("latin-1")) for name, value in pairs])


def refused(access: Access, peer: str, *pairs: tuple[str, str]) -> Problem:
    with pytest.raises(Problem) as caught:
        access.person(peer, headers(*pairs))
    return caught.value


def test_a_token_says_who_asks_and_what_he_may_see() -> None:
    person = KNOWN.person("192.0.2.1", headers(("Authorization", f"Bearer {TOKEN}")))
    assert (person.name, person.groups, person.scope, person.way) == ("grafana", ("pay",), PAY, "token")


@pytest.mark.parametrize("sent", ["Bearer wrong", "Bearer", "", f"Basic {TOKEN}", TOKEN, "Bearer \xff"])
def test_any_other_token_is_refused(sent: str) -> None:
    assert refused(KNOWN, "127.0.0.1", ("Authorization", sent)).status == 401


def test_a_proxy_of_the_list_says_who_asks() -> None:
    for peer in ("10.9.0.1", "::ffff:10.9.0.1", "fd00::1"):
        person = KNOWN.person(peer, headers(("Remote-User", "ann"), ("Remote-Groups", "pay, shop,none")))
        assert (person.name, person.groups, person.scope) == ("ann", ("pay", "shop"), AnyOf((PAY, SHOP)))  # type: ignore[arg-type]
    assert KNOWN.person("10.9.0.1", headers(("Remote-User", "ann"), ("Remote-Groups", "pay,all"))).scope is None


@pytest.mark.parametrize("access", [KNOWN, OPEN])
@pytest.mark.parametrize("peer", ["10.10.0.1", "127.0.0.1", "", "testclient", "::1"])
def test_headers_of_a_proxy_from_elsewhere_are_refused_whatever_else_is_sent(access: Access, peer: str) -> None:
    for name in ("Remote-User", "remote-groups"):
        problem = refused(access, peer, (name, "all"), ("Authorization", f"Bearer {TOKEN}"))
        assert problem.status == 401 and "[proxy]" in str(problem)


def test_a_header_that_came_twice_is_refused() -> None:
    assert refused(KNOWN, "10.9.0.1", ("Remote-User", "root"), ("Remote-User", "ann"), ("Remote-Groups", "pay")).status == 401
    assert refused(KNOWN, "10.9.0.1", ("Remote-User", "ann"), ("Remote-Groups", "all"), ("Remote-Groups", "pay")).status == 401


def test_a_proxy_that_does_not_know_who_asks_is_a_stranger_without_a_token() -> None:
    assert refused(KNOWN, "10.9.0.1").status == refused(KNOWN, "10.9.0.1", ("Remote-User", " ")).status == 401
    assert KNOWN.person("10.9.0.1", headers(("Remote-User", ""), ("Authorization", f"bearer {TOKEN}"))).name == "grafana"


def test_somebody_in_no_known_group_sees_nothing() -> None:
    assert refused(KNOWN, "10.9.0.1", ("Remote-User", "ann"), ("Remote-Groups", "others")).status == 403
    assert refused(KNOWN, "10.9.0.1", ("Remote-User", "ann")).status == 403


def test_a_stranger_is_told_the_ways_to_become_known() -> None:
    assert refused(KNOWN, "192.0.2.1").more == {"ways": ["token", "proxy"]}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str) -> Path:
        path = tmp_path / "access.toml"
        path.write_text(text)
        return path

    return written


def test_the_file_of_the_manual_is_accepted(write: Write) -> None:
    (shown,) = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "console.md").read_text(), re.DOTALL)
    access = read_access(write(shown))
    assert set(access.scopes) == {"platform", "team-pay"} and access.ways == ("token", "proxy") and not access.is_open
    assert access.scopes["platform"] is None and access.scopes["team-pay"] == parse("workload=pay-* or namespace=pay")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "groups"),
        ("[groups.a]\n", "lets nobody in"),
        ("[groups.a]\n[tokens.t]\nsha256 = 'short'\ngroups = ['a']", "tokens.t.sha256"),
        (f"[groups.a]\n[tokens.t]\nsha256 = '{'0' * 64}'\ngroups = ['b']", r"add \[groups.b\]"),
        ("[groups.a]\nscope = 'client='\n[proxy]\nnetworks = ['10.0.0.0/8']", "scope of group a"),
        ("[groups.a]\nscope = 'bytes>1'\n[proxy]\nnetworks = ['10.0.0.0/8']", "speaks of sums"),
        ("[groups.a]\nscop = 'client=a'\n[proxy]\nnetworks = ['10.0.0.0/8']", "groups.a.scop"),
        ("[groups.a]\n[proxy]\nnetworks = []", "proxy.networks"),
        ("[groups.a]\n[proxy]\nnetworks = ['10.0.0.1/8']", "proxy.networks"),
        ("groups", "no TOML"),
    ],
)
def test_a_file_that_is_not_understood_opens_no_door(write: Write, text: str, said: str) -> None:
    with pytest.raises(SettingError, match=said):
        read_access(write(text))


def test_a_file_that_is_not_there_opens_no_door(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="cannot be read"):
        read_access(tmp_path / "none")


def test_a_new_token_is_known_by_its_digest(write: Write) -> None:
    token, digest = new_token()
    access = read_access(write(f"[groups.a]\n[tokens.t]\nsha256 = '{digest}'\ngroups = ['a']"))
    assert access.person("192.0.2.1", headers(("Authorization", f"Bearer {token}"))).name == "t"
    assert new_token()[0] != token and len(token) > 40


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "::1", "localhost", "a.localhost"])
def test_this_machine_alone_needs_no_login(host: str) -> None:
    assert is_loopback(host)
    check_public(Address(host, 1), has_login=False, insecure=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org", "localhost.example.org"])  # noqa: S104
def test_elsewhere_a_login_is_needed_or_the_word_insecure(host: str) -> None:
    with pytest.raises(SettingError, match="WEIR_CONSOLE_ACCESS.*--insecure"):
        check_public(Address(host, 8470), has_login=False, insecure=False)
    check_public(Address(host, 8470), has_login=True, insecure=False)
    check_public(Address(host, 8470), has_login=False, insecure=True)


@pytest.mark.parametrize(
    ("text", "found"), [("127.0.0.1:8470", ("127.0.0.1", 8470)), ("[::1]:0", ("::1", 0)), ("console:80", ("console", 80))]
)
def test_addresses_are_read(text: str, found: tuple[str, int]) -> None:
    address = read_listen(text)
    assert (address.host, address.port, address.text) == (*found, text)


@pytest.mark.parametrize("text", ["", "8470", ":8470", "127.0.0.1", "127.0.0.1:", "::1:8470", "host:70000", "host:٣"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no address with a port"):
        read_listen(text)


@pytest.mark.parametrize(("text", "found"), [("", "/"), ("/", "/"), ("weir", "/weir/"), ("/a/b/", "/a/b/")])
def test_base_paths_are_read(text: str, found: str) -> None:
    assert read_base_path(text) == found


@pytest.mark.parametrize("text", ["/a b/", "/a?b", "/../", '/"/', "/api/", "/assets", "//evil.example/x//y"])
def test_what_is_no_base_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write it as|choose one"):
        read_base_path(text)


def test_an_address_that_is_taken_is_said() -> None:
    first, where = listen(Address("127.0.0.1", 0))
    with first:
        assert where.port > 0
        with pytest.raises(WeirError, match=f"127.0.0.1:{where.port} cannot be listened on"):
            listen(where)


@pytest.mark.parametrize(
    ("header", "host"), [("127.0.0.1:8470", "127.0.0.1"), ("[::1]:80", "::1"), ("LocalHost", "localhost"), ("[", ""), ("", "")]
)
def test_the_name_in_a_request_is_read_without_its_port(header: str, host: str) -> None:
    assert host_of(header) == host


def test_a_page_of_the_console_may_change_something_and_no_other() -> None:
    own = ("Host", "console.example:8470")
    for fine in (
        (),
        (("Origin", "https://console.example:8470"),),
        (("Sec-Fetch-Site", "same-origin"), ("Origin", "https://proxied.example")),
    ):
        check_origin(headers(own, *fine))
    for other in ((("Origin", "https://console.example"),), (("Origin", "null"),), (("Sec-Fetch-Site", "same-site"),)):
        with pytest.raises(Problem) as caught:
            check_origin(headers(own, *other))
        assert caught.value.status == 403
