"""The schema registry of an agent, asked in a short-lived child: the client would stay with 25 MB in a process that has 40.

    python -m producers.publish.registry <address and schema as JSON on the standard input>

prints the id of the schema. The address may hold a password, and so is no argument.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass

from schemas.errors import Unavailable, WeirError
from schemas.wire.registry import ConfluentRegistry, RegistryAddress

_CHILD_SECONDS = 20


@dataclass(frozen=True)
class RegistryInChild:
    """As much of `schemas.wire.framing.Registry` as a writer needs."""

    address: RegistryAddress

    def register(self, subject: str, schema: str) -> int:
        asked = json.dumps({**asdict(self.address), "subject": subject, "schema": schema})
        command = [sys.executable, "-P", "-m", __name__]
        try:
            done = subprocess.run(command, input=asked, capture_output=True, text=True, timeout=_CHILD_SECONDS, check=False)  # noqa: S603
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unavailable(f"The schema registry cannot be asked ({type(error).__name__}).") from error
        if done.returncode:
            raise Unavailable((done.stderr.strip().splitlines() or ["The schema registry cannot be asked."])[-1])
        return int(done.stdout)

    def get_schema(self, schema_id: int) -> str | None:
        """Agents read no messages."""
        raise NotImplementedError


def main() -> int:
    asked = json.load(sys.stdin)
    try:
        found = ConfluentRegistry(RegistryAddress(asked["url"], asked["ca_file"])).register(asked["subject"], asked["schema"])
    except WeirError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{found}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
