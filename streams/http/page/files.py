"""The page's files, as they are in the package, and the runbooks that alerts name."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from pathlib import Path

from aiohttp import web

from streams.http.problems import Refusal

TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
INDEX = "index.html"
PACKAGED, CHECKOUT = "runbooks", Path(__file__).resolve().parents[3] / "docs" / "runbooks"
"""Where runbooks are: in an installed package, and in the repository."""


class Files:
    """Read once. Names that are not there are 404; nothing else on the disk can be named."""

    def __init__(self) -> None:
        here = files("streams.http.page") / "static"
        self._files = {
            each.name: each.read_bytes()
            for each in here.iterdir()
            if Path(each.name).suffix in TYPES and each.is_file()
        }
        packaged = files("streams.http.page") / PACKAGED
        books = packaged.iterdir() if packaged.is_dir() else CHECKOUT.glob("*.md") if CHECKOUT.is_dir() else ()
        self._runbooks = {each.name: each.read_bytes() for each in books if each.name.endswith(".md")}

    async def index(self, request: web.Request) -> web.Response:
        return self._answer(request, self._files, INDEX)

    async def file(self, request: web.Request) -> web.Response:
        return self._answer(request, self._files, request.match_info["name"])

    async def runbook(self, request: web.Request) -> web.Response:
        """As text: it reads well as it is."""
        return self._answer(request, self._runbooks, request.match_info["name"])

    def _answer(self, request: web.Request, known: dict[str, bytes], name: str) -> web.Response:
        body = known.get(name)
        if body is None:
            raise Refusal(404, f"there is no file {name[:80]!r} here")
        tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        headers = {**HEADERS, "ETag": tag}
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers=headers)
        kind = TYPES.get(Path(name).suffix, "text/plain")
        return web.Response(body=body, headers=headers, content_type=kind, charset="utf-8")


async def to_page(_request: web.Request) -> web.Response:
    """The port by itself leads to the page."""
    return web.Response(status=302, headers={"Location": "/page", **HEADERS})
