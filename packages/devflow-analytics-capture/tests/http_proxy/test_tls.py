"""Servers that speak TLS must prove who they are."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Process, Server

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="openssl, which makes certificates, is missing"
)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for localhost, with its key."""
    file = tmp_path / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost", "-keyout", file, "-out", f"{file}.crt"),
        ],
        check=True,
        capture_output=True,
    )
    with file.open("ab") as both:
        both.write((tmp_path / "certificate.pem.crt").read_bytes())
    return file


@pytest.fixture
def secure(server: Server, certificate: Path) -> Server:
    """The server with TLS, under the name localhost."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.set_alpn_protocols(["h2", "http/1.1"])
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.host = f"localhost:{server.socket.getsockname()[1]}"
    server.url = f"https://{server.host}/mcp"
    return server


def test_what_is_encrypted_to_the_server_passes(
    secure: Server, certificate: Path, run: Callable[..., Process]
) -> None:
    proxy = run(secure.url, SSL_CERT_FILE=str(certificate))
    client = proxy.connect()
    client.send(f"GET /mcp HTTP/1.1\r\nHost: {proxy.host}\r\n\r\n".encode())
    end = secure.accept()
    assert isinstance(end.socket, ssl.SSLSocket)
    assert end.socket.selected_alpn_protocol() == "http/1.1"
    end.receive(f"GET /mcp HTTP/1.1\r\nHost: {secure.host}\r\n\r\n".encode())
    answer = "HTTP/1.1 200 OK\r\nLocation: {}/a\r\nContent-Length: 1\r\n\r\na"
    end.send(answer.format(f"https://{secure.host}").encode())
    client.receive(answer.format(f"http://{proxy.host}").encode())
    client.close()
    assert end.rest() == b""


@pytest.mark.parametrize(
    ("host", "trusted", "reason"),
    [
        ("localhost", False, "its certificate is not valid: self-signed certificate"),
        ("127.0.0.1", True, "its certificate is not valid: IP address mismatch, certificate is"),
    ],
)
def test_a_server_that_cannot_prove_it_gets_nothing(
    secure: Server,
    certificate: Path,
    run: Callable[..., Process],
    host: str,
    reason: str,
    *,
    trusted: bool,
) -> None:
    port = secure.host.partition(":")[2]
    trust = {"SSL_CERT_FILE": str(certificate)} if trusted else {}
    proxy = run(f"https://{host}:{port}/", **trust)
    client = proxy.connect()
    client.send(f"GET /mcp HTTP/1.1\r\nHost: {proxy.host}\r\n\r\n".encode())
    with pytest.raises(ssl.SSLError):
        secure.accept()
    answer = client.rest().decode()
    assert answer.startswith("HTTP/1.1 502 Bad Gateway\r\n")
    assert f"\r\n\r\nCannot connect to https://{host}:{port}: {reason}" in answer


def test_a_server_without_tls_is_told_of(server: Server, run: Callable[..., Process]) -> None:
    proxy = run(f"https://{server.host}/")
    client = proxy.connect()
    client.send(f"GET /mcp HTTP/1.1\r\nHost: {proxy.host}\r\n\r\n".encode())
    end = server.accept()
    end.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    assert client.rest().endswith(
        f"Cannot connect to https://{server.host}: it does not speak TLS as it should.\n".encode()
    )
