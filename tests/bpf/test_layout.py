"""layout.py against the C compiler's view of weir.h, byte by byte."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from bpf import layout, sources

COUNTERS = np.dtype([*layout.VALUE.descr, *layout.ENTRY.descr[1:]])
"""As the C struct has it: the histograms stand beside the counters."""
STRUCTS = {
    "flow_key": layout.KEY,
    "flow_counters": COUNTERS,
    "loss": layout.LOSS,
    "domain_key": layout.DOMAIN_KEY,
    "domain": layout.DOMAIN,
}


def members(struct: str) -> list[str]:
    """Names in the order of weir.h, read from its text."""
    body = re.search(rf"struct {struct} {{(.*?)\n}};", sources.source("weir.h"), re.DOTALL)
    assert body is not None
    return re.findall(r"__u\d+ (\w+)(?:\[\w+\])?;", body[1])


def compiled(tmp_path: Path) -> dict[str, tuple[int, int]]:
    """Offset and size of every member, and of every struct, as gcc lays them out."""
    lines = [f'printf("{struct} 0 %zu\\n", sizeof(struct {struct}));' for struct in STRUCTS]
    for struct in STRUCTS:
        for name in members(struct):
            where = f"offsetof(struct {struct}, {name}), sizeof(((struct {struct} *)0)->{name})"
            lines.append(f'printf("{struct}.{name} %zu %zu\\n", {where});')
    lines.append('printf("reasons 0 %d\\n", LOSS_REASONS);')
    program = tmp_path / "offsets.c"
    includes = "".join(f"#include <{name}.h>\n" for name in ("stddef", "stdio", "weir"))
    program.write_text(includes + "int main(void) {\n" + "\n".join(lines) + "\nreturn 0; }\n")
    flags = ["-Wall", "-Werror", "-D__always_inline=inline", f"-I{Path(layout.__file__).parent}"]
    subprocess.run(["gcc", *flags, "-o", tmp_path / "offsets", program], check=True)
    output = subprocess.run([tmp_path / "offsets"], check=True, capture_output=True, text=True).stdout
    return {name: (int(offset), int(size)) for name, offset, size in (line.split() for line in output.splitlines())}


def test_every_member_stands_where_the_compiler_puts_it(tmp_path: Path) -> None:
    expected = compiled(tmp_path)
    for struct, dtype in STRUCTS.items():
        assert list(dtype.names or ()) == members(struct)
        assert expected[struct] == (0, dtype.itemsize)
        for name, (kind, offset, *_) in (dtype.fields or {}).items():
            assert expected[f"{struct}.{name}"] == (offset, kind.itemsize), f"{struct}.{name}"


def test_loss_reasons_are_named_in_order(tmp_path: Path) -> None:
    assert compiled(tmp_path)["reasons"] == (0, len(layout.LOSS_REASONS))
    in_header = re.findall(r"LOST_(\w+),", sources.source("weir.h"))
    assert [name.lower() for name in in_header] == list(layout.LOSS_REASONS)


def test_an_entry_is_the_struct() -> None:
    assert layout.ENTRY.itemsize == COUNTERS.itemsize
    for name in ("rtt", "connect"):
        assert layout.ENTRY.fields[name] == COUNTERS.fields[name]  # type: ignore[index]


def test_structs_have_no_hidden_holes() -> None:
    for dtype in STRUCTS.values():
        assert dtype == np.dtype([(name, *dtype.fields[name][:1]) for name in dtype.names or ()])  # type: ignore[index]


def test_the_stamp_changes_with_the_sources_and_the_size(monkeypatch: pytest.MonkeyPatch) -> None:
    original = sources.stamp(64, 8)
    assert len({original, sources.stamp(64, 8), sources.stamp(65, 8), sources.stamp(64, 9), sources.stamp(64, 0)}) == 4
    monkeypatch.setattr(sources, "source", lambda name: f"another {name}")
    assert sources.stamp(64, 8) != original
