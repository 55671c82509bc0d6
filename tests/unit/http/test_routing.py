"""Paths to routes."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from streams.http.problems import Refusal
from streams.http.routes import Route
from streams.http.routing import VARIABLES, Router


async def handle(_request: web.BaseRequest) -> web.Response:
    raise AssertionError


ROUTES = [
    Route("GET", "/livez", None, handle),
    Route("POST", "/predict", None, handle),
    Route("GET", "/models/{model}", None, handle),
    Route("POST", "/models/{model}", None, handle),
    Route("GET", "/models/{model}/versions/{version}", None, handle),
]


def find(method: str, path: str) -> tuple[Route, dict[str, str]]:
    request = make_mocked_request(method, path)
    return Router(ROUTES).find(request), request.get(VARIABLES, {})


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.text("ab/{}%", min_size=1))
def test_a_variable_is_what_was_said_whatever_that_is(model: str, version: str) -> None:
    if {model, version} & {".", ".."}:
        return  # steps of a path, which clients and yarl take away
    path = f"/models/{quote(model, safe='')}/versions/{quote(version, safe='')}?x=1"
    assert find("GET", path) == (ROUTES[4], {"model": model, "version": version})


def test_a_plain_path_is_found_in_any_writing_and_with_a_query() -> None:
    for path in ("/predict", "/predict?x=1", "/%70redict"):
        assert find("POST", path) == (ROUTES[1], {})


@pytest.mark.parametrize("path", ["/", "/predict/", "/predictx", "/models/", "/models", "/models/a/", "/{model}", "*"])
def test_what_is_not_there_is_not_found(path: str) -> None:
    with pytest.raises(Refusal) as refused:
        find("GET", path)
    assert refused.value.status == 404


def test_another_method_is_told_which_there_are() -> None:
    for path, allowed in (("/livez", "GET"), ("/models/a", "GET, POST")):
        with pytest.raises(Refusal) as refused:
            find("DELETE", path)
        assert (refused.value.status, refused.value.headers["Allow"]) == (405, allowed)
