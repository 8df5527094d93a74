"""A service account's folder for a FakeApi on 127.0.0.1: token, CA certificate, and the server's own certificate."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path


def make_account(folder: Path) -> ssl.SSLContext:
    """Writes `token` and `ca.crt`; returns the server's side."""
    openssl = shutil.which("openssl")
    assert openssl is not None, "openssl is missing: apt-get install openssl"
    key, certificate = folder / "server.key", folder / "ca.crt"
    made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=api"]
    named = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([openssl, *made, *named], check=True, capture_output=True)
    (folder / "token").write_text("first\n")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
