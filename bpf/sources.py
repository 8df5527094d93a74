"""The C files, and what their programs and maps are called. No numpy here: the compiler's short life need not wait for it."""

from __future__ import annotations

import hashlib
import pkgutil

PROGRAMS = ("count_sent", "count_received", "follow_connection")
PROGRAMS_AFTER = ("read_answer", "note_question", "read_records")  # in the order of weir.c's enum; called by the others
UDP_PROGRAMS = ("note_udp_socket", "note_bind4", "note_bind6")
"""Without them the lower port decides who serves in UDP: they want Linux 5.12, and a bcc that knows their kinds."""
FLOW_MAPS = ("flows0", "flows1")
SOURCES = ("histogram.h", "weir.h", "packet.h", "dns.h", "udp_role.h", "weir.c", "domains.c")


def maps(domain_entries: int) -> tuple[str, ...]:
    """What user space touches, and the calls between programs, which last as long as their pin. Programs keep all other maps alive."""
    return (*FLOW_MAPS, "active", "lost", *(("domains", "then") if domain_entries else ()))


def source(name: str) -> str:
    """The text of one of the C files."""
    data = pkgutil.get_data("bpf", name)  # as importlib.resources does it, without the two megabytes that it brings
    if data is None:
        raise FileNotFoundError(name)
    return data.decode()


def program(domain_entries: int) -> str:
    """The text to compile, as one file: bcc rewrites map accesses in no other."""
    return "".join(source(name) for name in ("weir.c", "domains.c")[: 2 if domain_entries else 1])


def stamp(map_entries: int, domain_entries: int) -> str:
    """Tells one build of the kernel side from every other: pinned maps under another stamp are not ours to read."""
    text = "\0".join((*map(source, SOURCES), str(map_entries), str(domain_entries)))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
