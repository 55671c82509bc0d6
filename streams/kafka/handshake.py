"""What a broker tells to whoever connects, before any credentials: the versions of its protocol, and its certificate.

librdkafka keeps both to itself. ApiVersions (KIP-35) in its first version is what every broker answers, also before
SASL.
"""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

API_VERSIONS = 18
CORRELATION = 1
MOST_BYTES = 65_536
TIMEOUT_S = 3.0


@dataclass(frozen=True, slots=True)
class Handshake:
    """`api_versions`: by API key the highest version, empty where the broker did not tell. `certificate`: as DER, None
    without TLS."""

    api_versions: Mapping[int, int] = field(default_factory=dict)
    certificate: bytes | None = None


def shake_hands(
    server: str, *, tls: bool, certificate: Path | None = None, key: Path | None = None, password: str | None = None
) -> Handshake:
    """Connect to ``host:port`` and ask. The certificate is only looked at, not trusted: nothing of ours is sent.

    Raises OSError (of TLS, too) where there is no connection.
    """
    host, _, port = server.strip().rpartition(":")
    host = host.strip("[]")
    with socket.create_connection((host, int(port)), TIMEOUT_S) as plain:
        if not tls:
            return Handshake(_versions(plain))
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if certificate is not None:
            context.load_cert_chain(certificate, key, password or "")
        with context.wrap_socket(plain, server_hostname=host) as connection:
            shown = connection.getpeercert(binary_form=True)
            return Handshake(_versions(connection), shown)


def _versions(connection: socket.socket) -> dict[int, int]:
    with suppress(OSError, struct.error, EOFError):
        client = b"weir"
        request = struct.pack(f">hhih{len(client)}s", API_VERSIONS, 0, CORRELATION, len(client), client)
        connection.sendall(struct.pack(">i", len(request)) + request)
        (size,) = struct.unpack(">i", _exactly(connection, 4))
        if not 0 < size <= MOST_BYTES:
            return {}
        return parse_versions(_exactly(connection, size))
    return {}


def parse_versions(answer: bytes) -> dict[int, int]:
    """The highest version of each API in an ApiVersions response, version 0. Raises struct.error for what is none."""
    correlation, error, count = struct.unpack_from(">ihi", answer)
    if correlation != CORRELATION or error:
        return {}
    rows = (struct.unpack_from(">hhh", answer, 10 + 6 * row) for row in range(count))
    return {key: highest for key, _, highest in rows}


def _exactly(connection: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(size - len(parts))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)
