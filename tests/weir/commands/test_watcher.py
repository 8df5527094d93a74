"""What the command says before it begins."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.processes import PATIENCE


def test_a_wrong_kubeconfig_is_said_before_kafka_is_waited_for(tmp_path: Path) -> None:
    absent = tmp_path / "config"
    environment = {"WEIR_KAFKA_BOOTSTRAP": "127.0.0.1:1", "WEIR_KUBECONFIG": str(absent), "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "weir.cli", "watcher"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=20 * PATIENCE)
    assert ended.returncode == 2
    assert f"WEIR_KUBECONFIG={absent} cannot be used" in ended.stderr
    assert "Kafka" not in ended.stderr
