"""TLS of the door: a certificate that is renewed on disk is shown to whoever connects from then on."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from streams.settings import Settings, SettingsError
from streams.settings.problems import problem_at

log = structlog.get_logger("streams.http.tls")

LOOK_AGAIN_S = 1.0


class Certificate:
    """A certificate and its key. While the two do not fit, as in the middle of a renewal, that of before is shown."""

    def __init__(self, certificate: Path, key: Path | None, clock: Callable[[], float]) -> None:
        """Raises OSError, ssl.SSLError."""
        self._certificate, self._key, self._clock = certificate, key, clock
        self._seen = self._state()
        self._current = self._load()
        self._looked_at = clock()

    def context(self) -> ssl.SSLContext:
        """For a server. Each handshake takes the certificate of now, or of a second ago."""
        context = self._load()
        context.sni_callback = self._take_current
        return context

    def _take_current(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        """Called in every handshake, also of a client that names no server."""
        if self._clock() - self._looked_at >= LOOK_AGAIN_S:
            self._looked_at = self._clock()
            self._look()
        connection.context = self._current

    def _look(self) -> None:
        try:
            state = self._state()
            if state == self._seen:
                return
            self._current = self._load()
        except OSError as error:  # of ssl, too
            why = error.strerror or type(error).__name__
            log.warning("certificate not read, that of before is shown", file=str(self._certificate), why=why)
        else:
            self._seen = state
            log.info("certificate read again", file=str(self._certificate))

    def _load(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self._certificate, self._key, password=_no_password)
        return context

    def _state(self) -> list[tuple[int, int, int]]:
        found = [path.stat() for path in (self._certificate, self._key) if path is not None]
        return [(each.st_ino, each.st_size, each.st_mtime_ns) for each in found]


def tls_of(settings: Settings) -> ssl.SSLContext | None:
    """Raises SettingsError for a certificate or key that cannot be used."""
    http = settings.http
    if http.tls_certificate is None:
        return None
    try:
        return Certificate(http.tls_certificate, http.tls_key, time.monotonic).context()
    except OSError as error:
        rule = f"a certificate in PEM that fits http.tls_key ({error.strerror or type(error).__name__})"
        fix = "correct the paths, or mount the files"
        raise SettingsError([problem_at(settings, "http.tls_certificate", rule, fix)]) from error


def _no_password() -> str:
    """Or OpenSSL would ask the terminal for that of an encrypted key, and wait."""
    return ""
