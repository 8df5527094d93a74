"""The API over a small shop, in this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from tests.weir.api.shop import Watched, opened
from weir.api.app import Console
from weir.api.auth.access import OPEN, Access
from weir.api.tables import Tables
from weir.api.views import Views
from weir.explain.known import Rules

RULES = Rules(gap_seconds=60, skew_ms=250, window_seconds=10, retention_seconds=90_000)


@pytest.fixture(scope="package")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with opened(tmp_path_factory.mktemp("shop") / "data") as found:
        yield found


@pytest.fixture
def tables(engine: Watched) -> Tables:
    """With nothing in its cache."""
    return Tables(engine)


@pytest.fixture
def client(tables: Tables) -> TestClient:
    return client_of(tables)


def client_of(tables: Tables, access: Access = OPEN, base_path: str = "/", peer: str = "127.0.0.1") -> TestClient:
    console = Console(tables, access, Views(None), RULES, base_path=base_path)
    return TestClient(console.asgi, "http://127.0.0.1:8470", client=(peer, 50_000), raise_server_exceptions=True, follow_redirects=False)
