"""What an answer loads: a library that it has no use for takes longer than its question."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.edge_hours import END_S, Steady, filled
from tests.support.processes import PATIENCE, weir_environment

TOLD = """
import atexit, sys
atexit.register(lambda: print(*(name for name in ("pandas", "scipy.special", "pyarrow", "chdb") if name in sys.modules)))
from weir.cli import main
main()
"""


def test_health_without_findings_loads_neither_pandas_nor_scipy(tmp_path: Path) -> None:
    with filled(tmp_path / "data", [Steady("shop/web", "pay/api")], {"n1": END_S}):
        pass
    health = ("health", "--from", str(END_S - 3_600), "--to", str(END_S), "--format", "json")
    environment = weir_environment({"clickhouse_url": f"chdb://{tmp_path}/data"})
    ended = subprocess.run(
        [sys.executable, "-c", TOLD, *health], env=environment, capture_output=True, text=True, timeout=60 * PATIENCE, check=False
    )
    assert (ended.returncode, ended.stdout) == (0, "pyarrow chdb\n"), ended.stderr
    assert "Nothing does worse than usual." in ended.stderr
