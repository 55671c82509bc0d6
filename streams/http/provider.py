"""The keys of an identity provider behind a URL: fetched on a thread, kept, and asked for again before they are old."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import aiohttp
import jwt
import structlog

from streams.http.problems import Refusal
from streams.http.signing_keys import MOST_BYTES, SigningKeys, read_signing_keys

log = structlog.get_logger("streams.http.keys")

REFRESH_S = 300.0
AGAIN_S = 10.0
"""So long after a fetch, whatever came of it, there is no other: unknown keys cost the provider no more than that."""

FETCH_S = 5.0
"""For the whole of an answer, whoever sends it byte by byte."""


class ProviderKeys:
    """While the provider is away the keys of before go on verifying. Nobody waits for a fetch: whose key may be on its
    way is told to come again."""

    def __init__(self, url: str, clock: Callable[[], float], fetch: Callable[[str], bytes] | None = None) -> None:
        """Begins a fetch at once."""
        self._url, self._clock, self._fetch = url, clock, fetch or fetched
        self._keys: SigningKeys | None = None
        self._lock = threading.Lock()
        self._fetching = False
        self._asked_at = clock()
        self._start()

    def find(self, key_id: str | None, algorithm: str) -> jwt.PyJWK | None:
        """As FindKey. Raises Refusal: 503."""
        keys, age_s = self._keys, self._clock() - self._asked_at
        found = None if keys is None else keys.find(key_id, algorithm)
        if age_s >= (AGAIN_S if found is None else REFRESH_S):
            self._start()
        if found is None and (keys is None or self._fetching):
            raise Refusal(503, "the keys of the identity provider are on their way", retry_after_s=1)
        return found

    def _start(self) -> None:
        with self._lock:
            if self._fetching:
                return
            self._fetching, self._asked_at = True, self._clock()
        threading.Thread(target=self._carry, name="http-provider-keys", daemon=True).start()

    def _carry(self) -> None:
        try:
            keys = read_signing_keys(self._fetch(self._url))
        except Exception as error:  # noqa: BLE001  # whatever it is, the keys of before stay
            kept = 0 if self._keys is None else len(self._keys)
            log.warning("keys of the identity provider not fetched", why=_why(error), kept=kept)
        else:
            self._keys = keys
            log.debug("keys of the identity provider", keys=len(keys))
        finally:
            self._fetching = False


def fetched(url: str) -> bytes:
    """The body behind a URL; redirects are not followed. Raises aiohttp.ClientError, OSError, ValueError."""

    async def fetch() -> bytes:
        timeout = aiohttp.ClientTimeout(total=FETCH_S)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(url, allow_redirects=False, headers={"Accept": "application/json"}) as answer,
        ):
            if answer.status != 200:
                raise ValueError(f"it answered {answer.status}")
            body = bytearray()
            async for piece in answer.content.iter_any():
                body += piece
                if len(body) > MOST_BYTES:
                    raise ValueError(f"it answered more than {MOST_BYTES} bytes")
            return bytes(body)

    return asyncio.run(fetch())


def _why(error: Exception) -> str:
    """Without the URL, which may carry a secret."""
    return (
        str(error)
        if isinstance(error, ValueError) and not isinstance(error, aiohttp.InvalidURL)
        else type(error).__name__
    )
