"""One POST of JSON: done where the answer is 2xx. Redirects are not followed: they would turn it into a question."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any

from weir.settings.receivers import Target

TIMEOUT_SECONDS = 10.0


class Undelivered(Exception):
    """The receiver did not take it, or did not say so. The text says why, without the URL's secrets."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirect)


def post_json(target: Target, body: bytes, headers: Mapping[str, str]) -> None:
    """Raises Undelivered."""
    named = {"Content-Type": "application/json", "User-Agent": "weir-detector", **headers}
    if target.authorization:
        named["Authorization"] = target.authorization
    request = urllib.request.Request(target.url, body, named, method="POST")  # noqa: S310 - read_target lets http and https through alone
    try:
        with _opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
            answer.read(1024)
    except urllib.error.HTTPError as error:
        with error:
            raise Undelivered(f"it answered {error.code} {error.reason}") from None
    except (OSError, HTTPException, ValueError) as error:
        why = getattr(error, "reason", error)
        raise Undelivered(str(why) or type(error).__name__) from None
