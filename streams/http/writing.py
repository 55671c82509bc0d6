"""An answer, written with an end to it: a caller that does not read is let go."""

from __future__ import annotations

import asyncio

from aiohttp import web

SMALL_BYTES = 32_768
"""With its head surely below the 64 KiB at which a transport lets a writer wait."""


async def write(request: web.BaseRequest, response: web.StreamResponse, timeout_s: float) -> bool:
    """Here and not by the framework, which would wait for a slow reader for ever. Whether it was taken."""
    if not response.prepared:
        response.headers["Server"] = "weir"  # and not the framework's version
    try:
        if _cannot_wait(request, response):
            await _send(request, response)
        else:
            async with asyncio.timeout(timeout_s):
                await _send(request, response)
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
        return False
    except ConnectionError:
        return False
    return True


async def _send(request: web.BaseRequest, response: web.StreamResponse) -> None:
    await response.prepare(request)
    await response.write_eof()


def _cannot_wait(request: web.BaseRequest, response: web.StreamResponse) -> bool:
    """Nothing is ahead of the answer and it is small, so that no timer is needed."""
    transport = request.transport
    if transport is None or transport.get_write_buffer_size() > 0 or not isinstance(response, web.Response):
        return False
    body = response.body
    return body is None or (isinstance(body, bytes) and len(body) <= SMALL_BYTES)
