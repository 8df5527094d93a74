"""Names under which a console without a login answers: a page of another site cannot make a browser ask it under one of its own."""

from __future__ import annotations

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from weir.api.auth.hosts import KnownHosts


def status(listen: str, host: str) -> int:
    client = TestClient(KnownHosts(PlainTextResponse("seen"), listen), "http://127.0.0.1:8470")
    answer = client.get("/", headers={"Host": host})
    assert (answer.text == "seen") is (answer.status_code == 200)
    if answer.status_code != 200:
        assert answer.json()["status"] == 421 and "set up a login" in answer.json()["detail"]
    return answer.status_code


@pytest.mark.parametrize("host", ["127.0.0.1:8470", "127.0.0.1", "localhost:8470", "LOCALHOST", "[::1]:8470", "a.localhost:1"])
def test_loopback_is_known_by_its_names(host: str) -> None:
    assert status("127.0.0.1", host) == status("0.0.0.0", host) == 200  # noqa: S104


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8470", "127.0.0.1.evil.example", "localhost.evil.example", "127.0.0.1@evil.example", "[", ""]
)
def test_any_other_name_is_refused(host: str) -> None:
    assert status("127.0.0.1", host) == status("0.0.0.0", host) == 421  # noqa: S104


def test_on_every_address_it_is_known_by_an_address_or_a_name_that_no_name_server_outside_gives() -> None:
    for host in ("10.1.2.3:8470", "[fd00::1]:8470", "console:8470"):
        assert (status("0.0.0.0", host), status("127.0.0.1", host)) == (200, 421)  # noqa: S104
    assert status("10.1.2.3", "10.1.2.3:8470") == 200
