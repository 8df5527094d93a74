"""Framing by the settings: with a schema registry where one is configured, self-describing otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.wire.framing import Framer

if TYPE_CHECKING:
    from schemas.wire.registry import RegistryAddress
    from weir.settings.catalogue import Settings


def open_framer(settings: Settings) -> Framer:
    """A framer that reads both framings and writes the configured one."""
    if not settings.schema_registry_url:
        return Framer()
    from schemas.wire.registry import ConfluentRegistry

    return Framer(ConfluentRegistry(registry_address(settings)))


def registry_address(settings: Settings) -> RegistryAddress:
    from schemas.wire.registry import RegistryAddress

    return RegistryAddress(settings.schema_registry_url, str(settings.schema_registry_ca_file or ""))
