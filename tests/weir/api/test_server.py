"""`weir console` as a process: how it starts, streams, outlives the engine, and ends."""

from __future__ import annotations

import http.client
import json
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import PATIENCE, Child, run_weir, wait_for, weir
from weir.api.auth.access_file import new_token

ADDRESS = r"The console: http://127\.0\.0\.1:(\d+)/"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Empty tables."""
    url = f"chdb://{tmp_path_factory.mktemp('tables') / 'data'}"
    run_weir("migrate", settings={"clickhouse_url": url})
    yield url


def console(url: str, *arguments: str | Path, **settings: object) -> Child:
    return weir("console", "--listen", "127.0.0.1:0", *arguments, settings={"clickhouse_url": url, **settings})


def port_of(child: Child) -> int:
    return int(child.line(ADDRESS).group(1))


def get(port: int, path: str, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30 * PATIENCE)) as connection:
        connection.request("GET", path, headers=headers or {})
        answer = connection.getresponse()
        content = answer.read()
        return answer.status, json.loads(content) if "json" in (answer.getheader("Content-Type") or "") else content.decode()


def test_the_tables_may_go_and_come_back_and_a_stream_ends_with_the_console(data: str) -> None:
    """One console holds the directory, and is killed; the other asks it through its socket, and outlives it."""
    with console(data) as holder:
        port_of(holder)
        with console(data) as asking:
            port = port_of(asking)
            status, answer = get(port, "/api/v1/status")
            assert status == 200 and answer["data"]["newest"] is None and answer["data"]["nodes"]["known"] == 0
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30 * PATIENCE)) as following:
                following.request("GET", "/api/v1/live")
                stream = following.getresponse()
                assert stream.getheader("Content-Type", "").startswith("text/event-stream")
                assert stream.readline() == b"event: flow\n"
                holder.kill()
                wait_for(lambda: get(port, "/api/v1/status")[0] == 503, 20, "the tables to be away")
                assert get(port, "/healthz") == (200, "ok\n") and get(port, "/map")[0] == 200
                with console(data) as holding:
                    port_of(holding)
                    wait_for(lambda: get(port, "/api/v1/status")[0] == 200, 20, "the tables to be back")
                    asking.signal(signal.SIGTERM)
                    assert b"event: pulse" in stream.read()
                    asking.wait(10)
                    holding.stop(10)
            assert "Traceback" not in asking.stderr


def test_a_login_is_asked_for_and_views_are_kept_in_their_file(data: str, tmp_path: Path) -> None:
    token, digest = new_token()
    access = tmp_path / "access.toml"
    access.write_text(f'[groups.all]\n[tokens.t]\nsha256 = "{digest}"\ngroups = ["all"]\n')
    views = tmp_path / "views.db"
    bearer = {"Authorization": f"Bearer {token}"}
    for known in ([], ["failing"]):
        with console(data, "--base-path", "/weir/", console_access=access, console_views=views) as child:
            port = int(child.line(r"http://127\.0\.0\.1:(\d+)/weir/$").group(1))
            assert get(port, "/weir/api/v1/status")[0] == get(port, "/api/v1/me")[0] == 401
            assert get(port, "/weir/map")[0] == get(port, "/healthz")[0] == get(port, "/api/v1/openapi.json")[0] == 200
            assert get(port, "/api/v1/me", {**bearer, "Remote-User": "root", "Remote-Groups": "all"})[0] == 401
            assert get(port, "/api/v1/me", bearer)[1]["data"] == {"user": "t", "groups": ["all"], "scope": None, "auth": "token"}
            assert [view["name"] for view in get(port, "/api/v1/views", bearer)[1]["data"]["views"]] == known
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
                sent = json.dumps({"name": "failing", "address": "map?q=failed%3E0"})
                connection.request("POST", "/weir/api/v1/views", sent, {**bearer, "Content-Type": "application/json"})
                assert connection.getresponse().status == 201
            child.stop(10)
    assert views.stat().st_mode & 0o777 == 0o600


def test_without_a_login_it_listens_on_loopback_alone(data: str) -> None:
    refused = run_weir("console", "--listen", "0.0.0.0:0", settings={"clickhouse_url": data}, status=2)
    assert "WEIR_CONSOLE_ACCESS" in refused.stderr and "--insecure" in refused.stderr and refused.stdout == ""
    assert "no address with a port" in run_weir("console", "--listen", "8470", status=2).stderr
    assert "cannot be read" in run_weir("console", settings={"console_access": "/none", "clickhouse_url": data}, status=2).stderr
    assert "sha256" in run_weir("console", "--new-token", "grafana").stdout
