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
        row: int | None = None,
        **members: str,
    ) -> None:
        """`close`: the connection ends with it, as what is left of the request is not read. `row`: of a request with
        several, which is to blame."""
        super().__init__(detail)
        self.row = row
        self.late_s = 0.0
        """To be told so much later."""
        self.status, self.detail, self.members, self.close = status, detail, members, close
        self.headers = dict(headers or {})
        if retry_after_s is not None:
            self.headers["Retry-After"] = str(max(1, math.ceil(retry_after_s)))

    def response(self, *, v2: bool, terse: bool = False) -> web.Response:
        """What the caller gets. `terse`: without the words, which may name features, their values or limits."""
        title = HTTPStatus(self.status).phrase
        if v2:
            body: dict[str, str | int] = {"error": self._brief(title) if terse else self._in_full()}
        else:
            said = {} if terse else {"detail": self.detail}
            body = {"type": "about:blank", "title": title, "status": self.status, **said, **self.members}
        response = web.Response(
            status=self.status,
            body=msgspec.json.encode(body),
            headers=self.headers,
            content_type="application/json" if v2 else PROBLEM_JSON,
        )
        if self.close:
            response.force_close()
        return response

    def _in_full(self) -> str:
        return self.detail if self.row is None else f"row {self.row}: {self.members['reason']}: {self.detail}"

    def _brief(self, title: str) -> str:
        reason = self.members.get("reason", title)
        return reason if self.row is None else f"row {self.row}: {reason}"


def unreadable(status: int, *, terse: bool = False) -> web.Response:
    """To what is no request (400), or to a failure outside of every route (500)."""
    what = "this is no HTTP request, or its head is too large" if status < 500 else "the request failed here"
    return Refusal(status, what, close=True).response(v2=False, terse=terse)


class CallerGone(Exception):
    """Nobody is there any more to be told anything."""
