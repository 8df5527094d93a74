"""URLs that may hold a password, taken apart. No error repeats any part of one but its scheme: the rest may be the password."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

QUOTE = "quote /, ? and # in the password as %2F, %3F and %23"
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]{0,15})://")


def split_url(url: str) -> SplitResult:
    """The parts; `port` of them can be read. ValueError, with half a sentence, where the URL can be read in two ways or in none.

    An unquoted /, ? or # ends user, password and host. The '@' that was meant to end the password then stands behind it.
    """
    if not url.isprintable():
        raise ValueError("it holds a control character, a line end or bytes that are not UTF-8; quote them with %")
    try:
        parts = urlsplit(url)
    except ValueError:  # its text repeats the URL
        raise ValueError("it cannot be read; quote [, ] and other special characters in the password with %") from None
    if parts.netloc and "@" in f"{parts.path}{parts.query}{parts.fragment}":
        raise ValueError(f"it holds '@' behind a '/', '?' or '#'; {QUOTE}")
    try:
        _ = parts.port
    except ValueError:
        raise ValueError(f"it has a port that is no number up to 65535; write host:port, and {QUOTE}") from None
    return parts


def scheme_of(url: str) -> str:
    """What stands before '://', empty where the URL does not begin with a scheme."""
    found = _SCHEME.match(url)
    return found.group(1) if found else ""
