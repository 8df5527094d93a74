"""Secrets out of what is shown: passwords as settings, and passwords inside URLs."""

from __future__ import annotations

import re

from schemas.urls import scheme_of

MASK = "********"
_USERINFO = re.compile(r"(?<=://)([^:/?#@]*):.*@", re.DOTALL)
_PARAMETER = re.compile(r"([?&](?:password|secret|token)=)[^&#]*", re.IGNORECASE)


def mask_url(url: str) -> str:
    """The URL without its password. Everything up to the last '@' is taken for it: some passwords hold one, unquoted."""
    return _PARAMETER.sub(rf"\1{MASK}", _USERINFO.sub(rf"\1:{MASK}@", url))


def mask_setting(field: str, value: object) -> str:
    """A setting's value as `weir config` shows it."""
    if value is None:
        return ""
    if "password" in field or "secret" in field:
        return MASK if value else ""
    if field == "webhook_url" and value:  # what is secret of one is often its path
        return f"{scheme_of(str(value))}://{MASK}"
    return mask_url(str(value)) if field.endswith("_url") else str(value)
