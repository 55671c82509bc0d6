"""Which route a request is for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import unquote

from aiohttp import web

from streams.http.problems import Refusal
from streams.http.routes import Route

VARIABLES = web.RequestKey("variables", dict[str, str])
"""What the path of a request says for each name in braces: ``request[VARIABLES]["model"]``."""


class Router:
    """A plain path is one look-up; of the few with variables each is tried."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._plain: dict[str, dict[str, Route]] = {}
        self._with_variables: dict[tuple[str, ...], dict[str, Route]] = {}
        for route in routes:
            if "{" in route.path:
                self._with_variables.setdefault(tuple(route.path.split("/")), {})[route.method] = route
            else:
                self._plain.setdefault(route.path, {})[route.method] = route

    def find(self, request: web.BaseRequest) -> Route:
        """Also notes the variables. Raises Refusal: 404, 405."""
        by_method: Mapping[str, Route] | None = self._plain.get(request.path)
        if by_method is None:
            by_method, request[VARIABLES] = self._match(request.rel_url.raw_path)
        route = by_method.get(request.method)
        if route is not None:
            return route
        if not by_method:
            raise Refusal(404, "there is nothing here", close=request.can_read_body)
        allowed = ", ".join(sorted(by_method))
        raise Refusal(405, f"this takes {allowed}", headers={"Allow": allowed}, close=request.can_read_body)

    def _match(self, raw_path: str) -> tuple[Mapping[str, Route], dict[str, str]]:
        # Split before it is decoded: a name may hold a slash.
        said = [unquote(part) for part in raw_path.split("/")]
        for parts, by_method in self._with_variables.items():
            if len(parts) == len(said):
                pairs = list(zip(parts, said, strict=True))
                if all(part == word or (part.startswith("{") and word) for part, word in pairs):
                    return by_method, {part[1:-1]: word for part, word in pairs if part.startswith("{")}
        return {}, {}
