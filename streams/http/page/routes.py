"""The page's routes on the admin port, with their scopes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from streams.http.admin_routes import AdminRoute
from streams.http.keys import Scope
from streams.http.page.files import Files, to_page
from streams.http.page.orders import Orders


def page_routes(
    watch: Callable[[web.Request], Awaitable[web.StreamResponse]], orders: Orders, files: Files
) -> list[AdminRoute]:
    """`watch` answers with the stream of what happens."""
    return [
        AdminRoute("GET", "/", Scope.READ, to_page),
        AdminRoute("GET", "/page", Scope.READ, files.index),
        AdminRoute("GET", "/page/stream", Scope.READ, watch),
        AdminRoute("GET", "/page/runbooks/{name}", Scope.READ, files.runbook),
        AdminRoute("GET", "/page/{name}", Scope.READ, files.file),
        AdminRoute("POST", "/page/orders", Scope.ADMIN, orders.take),
    ]
