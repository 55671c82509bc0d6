"""Errors of the door: `application/problem+json` (RFC 9457), and the V2 protocol's own form. Pure, but for the web's
response type."""

from __future__ import annotations

import math
from http import HTTPStatus

import msgspec
from aiohttp import web

PROBLEM_JSON = "application/problem+json"


class Refusal(Exception):
    """A request that is not answered: HTTP's status, one line for the caller, and what else the body names."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        retry_after_s: float | None = None,
        close: bool = False,
        headers: dict[str, str] | None = None,
        **members: str,
    ) -> None:
        """`close`: the connection ends with it, as what is left of the request is not read."""
        super().__init__(detail)
        self.status, self.detail, self.members, self.close = status, detail, members, close
        self.headers = dict(headers or {})
        if retry_after_s is not None:
            self.headers["Retry-After"] = str(max(1, math.ceil(retry_after_s)))

    def response(self, *, v2: bool) -> web.Response:
        """What the caller gets."""
        if v2:
            body: dict[str, str | int] = {"error": self.detail}
        else:
            title = HTTPStatus(self.status).phrase
            body = {"type": "about:blank", "title": title, "status": self.status, "detail": self.detail, **self.members}
        response = web.Response(
            status=self.status,
            body=msgspec.json.encode(body),
            headers=self.headers,
            content_type="application/json" if v2 else PROBLEM_JSON,
        )
        if self.close:
            response.force_close()
        return response


class CallerGone(Exception):
    """Nobody is there any more to be told anything."""
