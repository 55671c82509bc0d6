"""The keys of an identity provider that is slow, away, or has new ones."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from structlog.testing import capture_logs

from streams.http import provider
from streams.http.problems import Refusal
from streams.http.provider import AGAIN_S, REFRESH_S, ProviderKeys, fetched
from tests.unit.http.token_kit import EC, RSA, jwks, public
from tests.waiting import until

URL = "https://issuer.example/jwks?secret=s3"
OLD, NEW = jwks(public(RSA, kid="old")), jwks(public(EC, kid="new"))


class Provider:
    """Answers what `says` gives, and counts how often it was asked. Its clock is moved by hand."""

    def __init__(self, says: Callable[[], bytes]) -> None:
        self.now, self.asked, self.says = 0.0, 0, says
        self.keys = ProviderKeys(URL, lambda: self.now, self._fetch)

    def _fetch(self, url: str) -> bytes:
        assert url == URL
        self.asked += 1
        return self.says()

    def knows(self, kid: str) -> bool | None:
        """None: not told yet."""
        try:
            return self.keys.find(kid, "RS256" if kid == "old" else "ES256") is not None
        except Refusal as refusal:
            if (refusal.status, refusal.headers["Retry-After"]) != (503, "1"):
                raise
            return None

    def comes_to(self, kid: str, verdict: bool) -> None:
        until(lambda: self.knows(kid) is verdict, f"{kid} is known: {verdict}", every_s=0.005)


def away() -> bytes:
    raise ConnectionError("secret=s3")


def test_a_new_key_is_asked_for_when_a_token_names_it_and_not_more_often_than_allowed() -> None:
    provider = Provider(lambda: OLD)
    provider.comes_to("old", True)
    provider.comes_to("new", False)
    for _ in range(50):
        assert provider.knows("new") is False
    assert provider.asked == 1, "a fetch was a moment ago"
    provider.says = lambda: NEW
    provider.now += AGAIN_S
    provider.comes_to("new", True)
    provider.comes_to("old", False)
    assert provider.asked == 2
    provider.now += REFRESH_S - 1
    assert provider.knows("new")
    assert provider.asked == 2
    provider.now += 1
    until(lambda: provider.knows("new") and provider.asked == 3, "they are asked for again before they are old")


def test_the_keys_of_before_stay_while_the_provider_is_away_or_answers_nonsense() -> None:
    provider = Provider(lambda: OLD)
    provider.comes_to("old", True)
    with capture_logs() as logs:
        for asked, says in enumerate((away, lambda: b"<html>", jwks), start=2):
            provider.says = says
            provider.now += REFRESH_S
            until(lambda asked=asked: provider.knows("old") and len(logs) == asked - 1, "it was asked, in vain")
            assert provider.asked == asked
            assert provider.knows("old")
    assert [each["kept"] for each in logs] == [1, 1, 1]
    assert "s3" not in repr(logs)
    provider.says = lambda: NEW
    provider.now += AGAIN_S
    provider.comes_to("new", True)


def test_until_the_first_keys_are_here_tokens_are_told_to_come_again() -> None:
    free = threading.Event()

    def slow() -> bytes:
        free.wait(20)
        return OLD

    provider = Provider(slow)
    assert [provider.knows("old") for _ in range(20)] == [None] * 20
    provider.now += 10 * AGAIN_S
    assert provider.knows("old") is None
    free.set()
    provider.comes_to("old", True)
    assert provider.asked == 1, "one fetch at a time"


class Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        name = self.path.strip("/")
        self.send_response(302 if name == "moved" else 404 if name == "missing" else 200)
        if name == "moved":
            self.send_header("Location", "/keys")
        self.end_headers()
        if name == "keys":
            self.wfile.write(OLD)
        while name in {"large", "slow"}:
            try:
                self.wfile.write(b"x" * (100_000 if name == "large" else 1))
            except OSError:
                return
            if name == "slow" and self.server.free.wait(0.02):  # type: ignore[attr-defined]
                return

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def site():
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        server.daemon_threads, server.free = True, threading.Event()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.free.set()
        server.shutdown()


def test_a_document_is_fetched(site: str) -> None:
    assert fetched(f"{site}/keys") == OLD


@pytest.mark.parametrize(
    ("path", "error"),
    [("moved", "it answered 302"), ("missing", "it answered 404"), ("large", "more than"), ("slow", None)],
)
def test_a_fetch_ends_whatever_answers(
    site: str, path: str, error: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider, "FETCH_S", 0.3 if path == "slow" else 20)
    with pytest.raises((ValueError, TimeoutError), match=error):
        fetched(f"{site}/{path}")
