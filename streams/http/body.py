"""The body of a request, read with an end to it: so many bytes, in so much time."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from aiohttp import HttpVersion11, web

from streams.http.problems import CallerGone, Refusal

JSON = "application/json"


async def read_json(
    request: web.BaseRequest, *, most_bytes: int, timeout_s: float, kinds: Collection[str] = (JSON,)
) -> bytes:
    """The bytes of a JSON body of one of these media types. Raises CallerGone; Refusal: 400, 408, 413, 415. Never more
    than `most_bytes` are kept, whatever the head of the request says of its length."""
    # A page in a browser cannot send these types to another origin without being let to. (To what it takes for its own
    # origin it can: see the guard about names that lead here.)
    if request.content_type not in kinds:
        raise Refusal(415, f"send Content-Type: {' or '.join(kinds)}", close=True)
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Refusal(415, "send the body as it is, without Content-Encoding", close=True)
    if (request.content_length or 0) > most_bytes:
        raise _too_large(most_bytes)
    content = request.content
    if content.is_eof() and content.exception() is None:
        # All of it came with the head: nothing to wait for, so no timer either.
        body: bytes = content.read_nowait()
        if len(body) > most_bytes:
            raise _too_large(most_bytes)
        return body
    pieces: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(timeout_s):
            if request.version >= HttpVersion11 and request.headers.get("Expect", "").lower() == "100-continue":
                await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            async for piece in content.iter_any():
                size += len(piece)
                if size > most_bytes:
                    raise _too_large(most_bytes)
                pieces.append(piece)
    except TimeoutError:
        raise Refusal(408, f"the body did not come within {timeout_s:g} s", close=True) from None
    except ConnectionError:
        raise CallerGone from None
    except web.RequestPayloadError:
        raise Refusal(400, "the body is not what its head says", close=True) from None
    return b"".join(pieces)


def _too_large(most_bytes: int) -> Refusal:
    return Refusal(413, f"the body is larger than {most_bytes} bytes", close=True)
